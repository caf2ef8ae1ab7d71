import type { IncomingMessage, ServerResponse } from 'node:http'
import { currentReading, type Reading } from '../backend-reader.js'
import { endJoined } from './client-response.js'
import { reasonPhrase, responseFields, trailerFields } from './response-fields.js'
import { type Flushable, flushAfterTurn } from './turn.js'

/**
 * The way of a response from undici's parser to the client: head, body with backpressure, trailers. It also notes for
 * the reader of the connection what of the bytes read is still in use.
 */
export abstract class Relay implements Flushable {
  protected readonly req: IncomingMessage
  protected readonly res: ServerResponse
  /** The client's side is over. */
  protected closed = false
  /** The head was written to the client. */
  protected answering = false
  /** Bytes of the body that came from the backend. */
  protected bytesReceived = 0
  #reading: Reading | undefined
  #statusCode = 0
  #statusText = ''
  #rawFields: readonly Buffer[] = []
  /** Bytes of the body still to come, or less than 0 where its length is not declared. */
  #remaining = -1
  #bodyStarted = false
  #waiting = false
  #lastChunk: Buffer | undefined

  constructor(req: IncomingMessage, res: ServerResponse) {
    this.req = req
    this.res = res
  }

  /** Writes status and fields to the client. Throws if the backend's are not valid. */
  protected writeHeadOf(closing: boolean): void {
    const { list, contentLength } = responseFields(this.#rawFields)
    // What is left unread of a request would be taken for the next one.
    if (closing || !this.req.complete) list.push('Connection', 'close')
    this.#remaining = contentLength
    this.res.writeHead(this.#statusCode, reasonPhrase(this.#statusText), list)
    this.answering = true
  }

  /** A response has begun: until its head is whole, the parser holds on to its parts. */
  onResponseStarted(): void {
    this.#reading = currentReading()
    this.#reading.partial = true
  }

  /** The head of an interim response is whole. */
  protected endInterimHead(): void {
    this.#reading!.partial = false
  }

  /** The head is whole. */
  protected takeHead(statusCode: number, rawFields: Buffer[], statusText: string): void {
    this.#reading!.partial = false
    this.#reading!.inBody = true
    this.#statusCode = statusCode
    this.#statusText = statusText
    this.#rawFields = rawFields
  }

  /** The head has been written to the client; now comes the body. */
  protected startBody(): void {
    // What has no declared length may end in trailers.
    this.#reading!.partial = this.#remaining < 0
    if (this.#statusCode === 304 || this.#statusCode === 204) {
      // The head is all of it. undici would take a length beside it for that of a body, and fail for its lack.
      this.onComplete([])
    } else if (this.#remaining !== 0) {
      flushAfterTurn(this)
    }
  }

  /** Sends the head by itself, unless something of the body has taken it along. */
  flush(): void {
    if (!this.#bodyStarted && !this.closed) this.res.flushHeaders()
  }

  onData(chunk: Buffer): boolean {
    this.bytesReceived += chunk.length
    this.#bodyStarted = true
    if (this.#remaining > 0) {
      this.#remaining -= chunk.length
      if (this.#remaining === 0) {
        // The last chunk goes out with the end of the message, in one write.
        this.#lastChunk = chunk
        return true
      }
    }
    const { res } = this
    const isTaken = res.write(this.#lasting(chunk))
    // Node holds a write back to the end of the tick; let go at once, mostly the kernel takes it whole.
    res.socket?.uncork()
    if (res.writableLength === 0) return true
    this.#reading!.kept = true
    if (!isTaken) this.#holdBackend()
    return true
  }

  /** Lets the backend wait for the client. */
  #holdBackend(): void {
    if (this.#waiting) return
    this.#waiting = true
    this.#reading!.hold()
    this.res.once('drain', () => {
      if (this.#waiting) this.#reading!.release()
      this.#waiting = false
    })
  }

  onComplete(rawTrailers: Buffer[]): void {
    const reading = this.#reading!
    reading.partial = reading.inBody = false
    if (this.#waiting) reading.release()
    this.#waiting = false
    this.#bodyStarted = true
    const { res } = this
    const chunk = this.#lastChunk
    if (rawTrailers.length > 0) res.addTrailers(trailerFields(rawTrailers))
    if (chunk === undefined) {
      res.end()
    } else if (!endJoined(res, chunk)) {
      res.end(this.#lasting(chunk))
      if (res.writableLength > 0) reading.kept = true
    }
  }

  /** A chunk in memory that lasts until it is written. */
  #lasting(chunk: Buffer): Buffer {
    return this.#reading!.borrowed ? Buffer.from(chunk) : chunk
  }
}
