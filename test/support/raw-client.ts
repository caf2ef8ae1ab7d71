import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectSecurely } from 'node:tls'
import type { Test } from 'tap'
import { ReceivedBytes } from './received-bytes.js'
import { reset } from './reset.js'
import { securePorts } from './secure-ports.js'
import { atEnd, eventually } from './test.js'
import { type Message, readMessage } from './wire.js'

/** For a connection, or a response of many megabytes, on a busy machine. */
const PATIENCE_MS = 20_000

interface ResponseOptions {
  /** It is the response to a HEAD. */
  readonly head?: boolean
  readonly timeoutMs?: number
}

/** A client that sends the bytes it is given, and shows the bytes it gets. */
export class RawClient {
  /** The other side has sent all that it will. */
  ended = false
  closed = false
  /** Closed by a reset. */
  broken = false
  readonly socket: Socket
  /** What is under TLS, or the same socket. */
  readonly #raw: Socket
  readonly #received = new ReceivedBytes()
  /** What has come since somebody asked for it. */
  #parts: Buffer[] = []
  /** Only with one of these is there more to read. */
  #events = 0

  private constructor(socket: Socket, raw: Socket) {
    this.socket = socket
    this.#raw = raw
    raw.on('error', () => {
      this.broken = true
    })
    socket.on('data', (bytes) => {
      this.#parts.push(bytes)
      this.#events++
    })
    socket.on('end', () => {
      this.ended = true
      this.#events++
    })
    socket.on('error', () => {
      this.broken = true
      // Node leaves it open after an alert of TLS that comes later than the handshake.
      socket.destroy()
    })
    socket.on('close', () => {
      this.closed = true
      this.#events++
    })
  }

  /** @param options of TLS, if it is to be spoken; it is by itself where the balancer does */
  static async open(
    t: Test,
    port: number,
    options: ConnectionOptions | null = securePorts.get(port) ?? null
  ): Promise<RawClient> {
    const raw = connect({ host: '127.0.0.1', port, noDelay: true })
    atEnd(t, () => raw.destroy())
    return options
      ? RawClient.secured(t, raw, options)
      : RawClient.#opened(new RawClient(raw, raw), raw, 'connect')
  }

  /** Shakes hands on a connection. */
  static async secured(t: Test, raw: Socket, options: ConnectionOptions): Promise<RawClient> {
    const socket = connectSecurely({ socket: raw, ...options })
    atEnd(t, () => socket.destroy())
    return RawClient.#opened(new RawClient(socket, raw), socket, 'secureConnect')
  }

  static async #opened(client: RawClient, socket: Socket, event: string): Promise<RawClient> {
    let isOpen = false
    let reason = 'refused'
    socket.once(event, () => {
      isOpen = true
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      reason = error.code ?? error.message
    })
    await eventually(() => isOpen || client.closed, PATIENCE_MS)
    if (!isOpen) throw new Error(reason)
    return client
  }

  /** What has come and was not taken by `response()`. */
  get received(): Buffer {
    for (const part of this.#parts.splice(0)) this.#received.add(part)
    return this.#received.all
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Leaves without a word. */
  abort(): void {
    reset(this.#raw, this.socket)
  }

  /** Waits until what was received satisfies `condition`. */
  async until(condition: (text: string) => boolean, timeoutMs?: number): Promise<void> {
    await eventually(() => condition(this.received.toString('latin1')), timeoutMs)
  }

  /** Takes the next final response, past interim ones. */
  async response(options: ResponseOptions = {}): Promise<Message> {
    for (;;) {
      const message = await this.next(options)
      if (!/^HTTP\/1\.1 1(?!01)/.test(message.startLine)) return message
    }
  }

  /** Takes the next response, be it an interim one. */
  async next({ head = false, timeoutMs = PATIENCE_MS }: ResponseOptions = {}): Promise<Message> {
    let message: Message | undefined
    let seen = -1
    const whole = () => {
      if (seen === this.#events) return false
      seen = this.#events
      message = readMessage(this.received, { kind: 'response', head, ended: this.ended && !this.broken })
      return message !== undefined
    }
    await eventually(() => whole() || this.closed, timeoutMs)
    if (!message && !whole()) throw new Error(`closed amid a response: ${this.received.toString('latin1')}`)
    this.#received.take(message!.size)
    return message!
  }

  async untilClosed(timeoutMs?: number): Promise<void> {
    await eventually(() => this.closed, timeoutMs)
  }
}

/** Sends `bytes` over a connection of their own and gives the response. */
export async function exchange(
  t: Test,
  port: number,
  bytes: string | Buffer,
  options?: ResponseOptions
): Promise<Message> {
  const client = await RawClient.open(t, port)
  client.send(bytes)
  const message = await client.response(options)
  client.socket.destroy()
  return message
}
