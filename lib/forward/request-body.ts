import type { IncomingMessage } from 'node:http'

const AUTO_DESTROYED = { autoDestroy: true }

/**
 * The body of a client's request as undici wants it, for one attempt. undici destroys a body stream when the attempt
 * fails; this stand-in takes that blow, so that the client's stream, of which nothing was read before the connection
 * stood, can be given to the next backend. It shows no length, so undici keeps to the framing of the client: a declared
 * length stays one, chunked stays chunked.
 */
export class RequestBody {
  destroyed = false
  /** Without it undici would destroy the client's stream at its end, and take the socket off it. */
  readonly _readableState = AUTO_DESTROYED
  readonly #req: IncomingMessage

  constructor(req: IncomingMessage) {
    this.#req = req
  }

  on(event: string, listener: (...args: unknown[]) => void): this {
    this.#req.on(event, listener)
    return this
  }

  off(event: string, listener: (...args: unknown[]) => void): this {
    this.#req.off(event, listener)
    return this
  }

  removeListener(event: string, listener: (...args: unknown[]) => void): this {
    return this.off(event, listener)
  }

  pause(): void {
    this.#req.pause()
  }

  resume(): void {
    this.#req.resume()
  }

  /** What undici knows a stream by; it reads through the events. */
  pipe(): never {
    throw new TypeError('the body of a request is read through its events')
  }

  destroy(): void {
    this.destroyed = true
  }

  /** Whether the body came in no coding but chunks. Any other would be lost on the way, and its meaning with it. */
  static isPlain({ headers }: IncomingMessage): boolean {
    const coding = headers['transfer-encoding']
    return coding === undefined || coding.toLowerCase() === 'chunked'
  }

  /** Whether a request has a body at all (RFC 9112 section 6.3). */
  static existsOn({ headers }: IncomingMessage): boolean {
    const length = headers['content-length']
    return (length !== undefined && length !== '0') || headers['transfer-encoding'] !== undefined
  }
}
