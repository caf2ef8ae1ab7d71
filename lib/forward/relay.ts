import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Connection } from '../http1/connection.js'
import type { ResponseHead } from '../http1/response-head.js'
import { lingerAfter } from './linger.js'
import { endJoined, whenTaken, writePart } from './response-body.js'
import { flushHead, startResponse } from './response-start.js'

/**
 * The way of a response from the connection to the backend to that of the client: head, body with backpressure,
 * trailers. It tells the connection which of the bytes that it has read are still in use.
 */
export abstract class Relay {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** The client's side is over. */
  protected closed = false
  /** The head was written to the client. */
  protected answering = false
  /** Bytes of the body that came from the backend. */
  protected bytesReceived = 0
  /** While an attempt is under way on it. */
  protected connection: Connection | undefined
  protected head: ResponseHead | undefined
  /** Bytes of the body still to come, or less than 0 where its length is not declared. */
  #remaining = -1
  #isHolding = false
  #lastChunk: Buffer | undefined

  constructor(req: IncomingMessage, res: ServerResponse) {
    this.req = req
    this.res = res
  }

  /**
   * Writes status and fields to the client.
   * @param lines more of them, each with its CRLF
   */
  protected writeHeadOf(head: ResponseHead, closing: boolean, lines = ''): void {
    this.#remaining = head.contentLength
    const { req } = this
    // What is left unread of a request would be taken for the next one.
    if (!req.complete && head.statusCode !== 101) lingerAfter(req)
    startResponse(this.res, head, lines, closing || !req.complete)
    this.answering = true
  }

  onData(chunk: Buffer): void {
    this.bytesReceived += chunk.length
    this.#remaining -= chunk.length
    // The last chunk goes out with the end of the message, in one write.
    if (this.#remaining === 0) this.#lastChunk = chunk
    else writePart(this.res, this.#lasting(chunk))
  }

  onReadEnd(): void {
    if (!this.answering) return
    const { res } = this
    flushHead(res)
    // Mostly the kernel takes all at once.
    res.socket?.uncork()
    if (res.writableLength === 0) return
    this.connection!.keep()
    if (res.writableLength >= res.writableHighWaterMark) this.#holdBackend()
  }

  onEnd(trailers: readonly string[]): void {
    const { res } = this
    const connection = this.connection!
    const chunk = this.#lastChunk
    if (this.#isHolding) connection.release()
    this.#isHolding = false
    if (trailers.length > 0) res.addTrailers(pairs(trailers))
    if (chunk === undefined) {
      res.end()
    } else if (!endJoined(res, chunk)) {
      res.end(this.#lasting(chunk))
    }
    if (res.writableLength > 0) connection.keep()
  }

  /** Ends a response that broke: in good order, the client would take what it has for the whole. */
  protected cutOff(): void {
    const { res } = this
    flushHead(res)
    res.socket?.uncork()
    if (res.socket) res.destroy()
    // From Node 24 on, a response that is destroyed before its turn leaves the connection standing.
    else res.once('socket', (socket: Socket) => socket.destroy())
  }

  /** Lets the backend wait for the client. */
  #holdBackend(): void {
    if (this.#isHolding) return
    this.#isHolding = true
    this.connection!.hold()
    whenTaken(this.res, () => {
      if (this.#isHolding) this.connection?.release()
      this.#isHolding = false
    })
  }

  /** A chunk in memory that lasts until it is written. */
  #lasting(chunk: Buffer): Buffer {
    return this.connection!.borrowed ? Buffer.from(chunk) : chunk
  }
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) list.push([flat[i]!, flat[i + 1]!])
  return list
}
