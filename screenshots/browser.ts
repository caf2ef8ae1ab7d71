import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { Page } from './browser-page.js'

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--hide-scrollbars'],
  ...[
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-breakpad'
  ],
  ...['--disable-dev-shm-usage', '--no-proxy-server', '--remote-debugging-pipe'],
  // Neither a tab of its own, nor the pages that it draws its address bar with: each window's cost more than all that is shown.
  ...['--no-startup-window', '--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup']
]

// biome-ignore lint/suspicious/noExplicitAny: what the protocol says is looked into
export type Answer = any

interface Message {
  readonly id?: number
  readonly sessionId?: string
  readonly method?: string
  readonly params?: Answer
  readonly result?: Answer
  readonly error?: { readonly message: string }
}

/** A headless Chromium that is told what to do by its DevTools protocol, over two pipes. */
export class Browser {
  readonly #process: ChildProcess
  readonly #folder: string
  readonly #waiting = new Map<number, { resolve(result: Answer): void; reject(error: Error): void }>()
  /** By session, what happens in it; names are those of the protocol. */
  readonly #sessions = new Map<string, EventEmitter>()
  readonly #ended: Promise<unknown>
  /** Why it answers nothing any more. */
  #reason: string | undefined
  #received = ''
  #id = 0

  constructor(flags: readonly string[] = []) {
    this.#folder = mkdtempSync(path.join(tmpdir(), 'fairlead-browser-'))
    const args = [...FLAGS, ...flags, `--user-data-dir=${this.#folder}`]
    const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] as const
    // A group of its own, so that what it starts ends with it.
    this.#process = spawn('chromium', args, { stdio: [...stdio], detached: true })
    const fail = (reason: string) => {
      this.#reason ??= reason
      for (const { reject } of this.#waiting.values()) reject(new Error(reason))
      this.#waiting.clear()
    }
    this.#process.once('error', (error) => fail(error.message))
    this.#process.once('exit', () => fail('the browser has ended'))
    this.#ended = new Promise((resolve) => this.#process.once('close', resolve).once('error', resolve))
    const [, , , , output] = this.#process.stdio as unknown as Readable[]
    output!.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    this.#input.on('error', () => {})
  }

  get #input(): Writable {
    return this.#process.stdio[3] as Writable
  }

  #read(text: string): void {
    const messages = (this.#received + text).split('\0')
    this.#received = messages.pop()!
    for (const message of messages) this.#take(JSON.parse(message))
  }

  #take({ id, sessionId = '', method, params, result, error }: Message): void {
    if (method !== undefined) this.#sessions.get(sessionId)?.emit(method, params)
    if (id === undefined) return
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error) waiting?.reject(new Error(error.message))
    else waiting?.resolve(result)
  }

  send(method: string, params: object = {}, sessionId?: string): Promise<Answer> {
    const id = ++this.#id
    if (this.#reason !== undefined) return Promise.reject(new Error(this.#reason))
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    })
  }

  /** A tab with nothing in it, that shares nothing with others. */
  async newPage(): Promise<Page> {
    const { browserContextId } = await this.send('Target.createBrowserContext')
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId })
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true })
    const events = new EventEmitter()
    this.#sessions.set(sessionId, events)
    const page = new Page((method, params) => this.send(method, params, sessionId), events)
    await page.prepare()
    return page
  }

  async close(): Promise<void> {
    try {
      process.kill(-this.#process.pid!, 'SIGKILL')
    } catch {
      // All of its group have ended.
    }
    await this.#ended
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
