import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { atEnd, eventually } from '../helper.js'
import { type Message, readMessage } from './wire.js'

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
  #parts: Buffer[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes) => this.#parts.push(bytes))
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('error', () => {
      this.broken = true
    })
    socket.on('close', () => {
      this.closed = true
    })
  }

  static async open(t: Test, port: number): Promise<RawClient> {
    const client = new RawClient(connect({ host: '127.0.0.1', port, noDelay: true }))
    atEnd(t, () => client.socket.destroy())
    await eventually(() => client.socket.readyState === 'open' || client.closed)
    if (client.closed) throw new Error('refused')
    return client
  }

  /** What has come and was not taken by `response()`. */
  get received(): Buffer {
    if (this.#parts.length !== 1) this.#parts = [Buffer.concat(this.#parts)]
    return this.#parts[0]!
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Leaves without a word. */
  abort(): void {
    this.socket.resetAndDestroy()
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
  async next({ head = false, timeoutMs = 5000 }: ResponseOptions = {}): Promise<Message> {
    let message: Message | undefined
    const whole = () => {
      message = readMessage(this.received, { kind: 'response', head, ended: this.ended && !this.broken })
      return message !== undefined
    }
    await eventually(() => whole() || this.closed, timeoutMs)
    if (!message && !whole()) throw new Error(`closed amid a response: ${this.received.toString('latin1')}`)
    this.#parts = [this.received.subarray(message!.size)]
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
