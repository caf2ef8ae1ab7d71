import net from 'node:net'

import { nowMs } from '../clock.js'
import { ResponseReader } from './response-reader.js'
import type { Outcome, Recorder } from './samples.js'

const answerWithinMs = 10_000

/** One client: a connection that carries one request at a time, and is reopened when it was closed. */
export class Client {
  readonly #port: number
  readonly #recorder: Recorder
  readonly #onAnswer: (client: Client, outcome: Outcome) => void
  readonly #reader = new ResponseReader()
  #socket: net.Socket | undefined
  #isConnected = false
  #target = ''
  #startMs = 0
  #sentMs = 0
  #isBusy = false

  /** @param onAnswer called when a request has ended, well or not, and the next may be sent */
  constructor(port: number, recorder: Recorder, onAnswer: (client: Client, outcome: Outcome) => void) {
    this.#port = port
    this.#recorder = recorder
    this.#onAnswer = onAnswer
  }

  get isBusy(): boolean {
    return this.#isBusy
  }

  /** Sends a request whose latency counts from `startMs`. */
  send(target: string, startMs: number): void {
    this.#isBusy = true
    this.#target = target
    this.#startMs = startMs
    this.#sentMs = nowMs()
    this.#reader.reset()
    this.#socket ??= this.#connect()
    this.#socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${this.#port}\r\n\r\n`)
  }

  /** Gives up a request that waits for too long. */
  expire(currentMs: number): void {
    if (this.#isBusy && currentMs - this.#sentMs >= answerWithinMs) this.#end('timed out')
  }

  close(): void {
    this.#dropSocket()
  }

  #connect(): net.Socket {
    const socket = net.connect({ host: '127.0.0.1', port: this.#port, noDelay: true })
    this.#isConnected = false
    socket.once('connect', () => {
      this.#isConnected = true
    })
    socket.on('data', (bytes: Buffer) => {
      if (socket === this.#socket) this.#read(bytes)
    })
    // `close` follows, which is handled.
    socket.on('error', () => {})
    socket.once('close', () => {
      if (socket === this.#socket) this.#closed()
    })
    return socket
  }

  #read(bytes: Buffer): void {
    if (!this.#isBusy) {
      this.#dropSocket()
      return
    }
    try {
      if (this.#reader.push(bytes)) this.#complete()
    } catch {
      this.#end('wrong answer')
    }
  }

  #closed(): void {
    const isConnected = this.#isConnected
    this.#socket = undefined
    if (!this.#isBusy) return
    if (isConnected && this.#reader.end()) this.#complete()
    else this.#end(isConnected ? 'cut' : 'refused')
  }

  #complete(): void {
    const { status, backend, target } = this.#reader
    if (backend >= 0 && target !== this.#target) this.#end('wrong answer')
    else if (status >= 500) this.#end(backend >= 0 ? 'backend 5xx' : 'balancer 5xx', this.#reader.keepsAlive)
    else if (status !== 200) this.#end('other status', this.#reader.keepsAlive)
    else this.#end('ok', this.#reader.keepsAlive)
  }

  #end(outcome: Outcome, keepsAlive = false): void {
    this.#isBusy = false
    const answered = outcome === 'ok' || outcome === 'backend 5xx'
    this.#recorder.add(this.#startMs, nowMs() - this.#startMs, outcome, answered ? this.#reader.backend : -1)
    if (!keepsAlive) this.#dropSocket()
    this.#onAnswer(this, outcome)
  }

  #dropSocket(): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.destroy()
  }
}
