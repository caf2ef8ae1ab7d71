import type { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from './browser.js'

const POLL_MS = 50

export interface Screen {
  readonly width: number
  readonly height: number
  /** Dots to a CSS pixel. */
  readonly scale?: number
  readonly isPhone?: boolean
  readonly isDark?: boolean
  readonly isCalm?: boolean
}

/** A tab of a browser. */
export class Page {
  /** What its console complained of, violations of its policy among it. */
  readonly complaints: string[] = []
  /** URLs that it asked for. */
  readonly requests: string[] = []
  readonly #send: (method: string, params?: object) => Promise<Answer>

  constructor(send: (method: string, params?: object) => Promise<Answer>, events: EventEmitter) {
    this.#send = send
    events.on('Network.requestWillBeSent', ({ request }) => this.requests.push(request.url))
    events.on('Runtime.exceptionThrown', ({ exceptionDetails: { exception, text } }) =>
      this.complaints.push(exception?.description ?? text)
    )
    events.on('Runtime.consoleAPICalled', ({ type, args }) => {
      if (type === 'error' || type === 'warning') this.complaints.push(JSON.stringify(args))
    })
    events.on('Log.entryAdded', ({ entry: { level, text, url } }) => {
      if (level === 'error' || level === 'warning') this.complaints.push(`${text} ${url ?? ''}`)
    })
  }

  async prepare(): Promise<void> {
    for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Accessibility'])
      await this.#send(`${domain}.enable`)
  }

  async show({
    width,
    height,
    scale = 1,
    isPhone = false,
    isDark = false,
    isCalm = false
  }: Screen): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: scale, mobile: isPhone }
    await this.#send('Emulation.setDeviceMetricsOverride', metrics)
    await this.#send('Emulation.setEmulatedMedia', {
      features: [
        { name: 'prefers-color-scheme', value: isDark ? 'dark' : 'light' },
        { name: 'prefers-reduced-motion', value: isCalm ? 'reduce' : 'no-preference' }
      ]
    })
  }

  async open(url: string): Promise<void> {
    const { errorText } = await this.#send('Page.navigate', { url })
    if (errorText) throw new Error(`${url}: ${errorText}`)
  }

  /** What a JavaScript expression comes to in the page. */
  async evaluate(expression: string): Promise<Answer> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true
    })
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value
  }

  /** Waits until an expression comes to something. */
  async until(expression: string, timeoutMs = 10_000): Promise<Answer> {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      // Between two documents there is nothing to evaluate it in.
      const value = await this.evaluate(expression).catch(() => undefined)
      if (value) return value
      if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${expression}`)
      await delay(POLL_MS)
    }
  }

  /** Presses a key, by its name in the DOM. */
  async press(key: string, { text, shift = false }: { text?: string; shift?: boolean } = {}): Promise<void> {
    const code = KEY_CODES[key]
    const event = { key, code: key, windowsVirtualKeyCode: code, modifiers: shift ? 8 : 0 }
    await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', ...event, ...(text ? { text } : {}) })
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', ...event })
  }

  async type(text: string): Promise<void> {
    await this.#send('Input.insertText', { text })
  }

  /** A PNG of what is on the screen, or of so many pixels from the top of it. */
  async picture(): Promise<Buffer> {
    const { data } = await this.#send('Page.captureScreenshot', { format: 'png' })
    return Buffer.from(data, 'base64')
  }

  /** What there is for who cannot see it. */
  async accessibleNodes(): Promise<readonly Answer[]> {
    const { nodes } = await this.#send('Accessibility.getFullAXTree')
    return nodes
  }
}

const KEY_CODES: Readonly<Record<string, number>> = { Tab: 9, Enter: 13, Escape: 27, ' ': 32, Delete: 46 }
