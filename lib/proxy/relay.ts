import type { IncomingMessage } from 'node:http'
import type { BackendStream } from '../transport/backend-stream.js'
import type { ResponseHead } from '../transport/http1/response-head.js'
import type { ClientStream } from './response/client-stream.js'

/**
 * The way of a response from the backend to the connection of the client: head, body with backpressure,
 * trailers. It tells the backend's side which of the bytes that it has read are still in use.
 */
export abstract class Relay {
  readonly req: IncomingMessage
  readonly res: ClientStream
  /** The client's side is over. */
  protected closed = false
  /** The head was written to the client. */
  protected answering = false
  /** Bytes of the body that came from the backend. */
  protected bytesReceived = 0
  /** While an attempt is under way on it. */
  protected connection: BackendStream | undefined
  protected head: ResponseHead | undefined
  /** Bytes of the body still to come, or less than 0 where its length is not declared. */
  #remaining = -1
  #isHolding = false
  #lastChunk: Buffer | undefined

  constructor(req: IncomingMessage, res: ClientStream) {
    this.req = req
    this.res = res
  }

  /**
   * Writes status and fields to the client.
   * @param lines more of them, each with its CRLF
   */
  protected writeHeadOf(head: ResponseHead, closing: boolean, lines = ''): void {
    this.#remaining = head.contentLength
    this.res.begin(head, lines, closing)
    this.answering = true
  }

  onData(chunk: Buffer): void {
    this.bytesReceived += chunk.length
    this.#remaining -= chunk.length
    // The last chunk goes out with the end of the message, in one write.
    if (this.#remaining === 0) this.#lastChunk = chunk
    else this.#sendPart(chunk)
  }

  onReadEnd(): void {
    if (!this.answering) return
    const { res } = this
    // Over HTTP/2 the end of a message may come later than its last byte.
    if (this.#lastChunk) this.#sendPart(this.#lastChunk)
    this.#lastChunk = undefined
    res.flush()
    if (res.writableLength === 0) return
    this.connection!.retainBuffer()
    if (res.writableLength >= res.writableHighWaterMark) this.#holdBackend()
  }

  onEnd(trailers: readonly string[]): void {
    const { res } = this
    const connection = this.connection!
    if (this.#isHolding) connection.resume()
    this.#isHolding = false
    res.finish(this.#lastChunk, connection.reusesBuffer, trailers)
    if (res.writableLength > 0) connection.retainBuffer()
  }

  /** Whether fields can follow the body on the way to the client. */
  protected get takesTrailers(): boolean {
    const { httpVersionMajor, httpVersionMinor } = this.req
    return httpVersionMajor > 1 || (httpVersionMinor > 0 && this.head!.contentLength < 0)
  }

  /** Ends a response whose connection is gone by fields of the balancer's own, names and values in turn. */
  protected endWith(trailers: readonly string[]): void {
    this.res.finish(this.#lastChunk, true, trailers)
  }

  /** Sends a part of the body, in memory that lasts until it is written. */
  #sendPart(chunk: Buffer): void {
    this.res.sendPart(this.connection!.reusesBuffer ? Buffer.from(chunk) : chunk)
  }

  /** Lets the backend wait for the client. */
  #holdBackend(): void {
    if (this.#isHolding) return
    this.#isHolding = true
    this.connection!.pause()
    this.res.whenTaken(() => {
      if (this.#isHolding) this.connection?.resume()
      this.#isHolding = false
    })
  }
}
