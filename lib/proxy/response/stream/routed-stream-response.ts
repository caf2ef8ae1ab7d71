import { ServerResponse } from 'node:http'
import type { StreamRequest } from '../../../base/http/stream-request.js'
import { ErrorCode } from '../../../base/http2/frames/frames.js'
import { IdleTimer } from '../../../listener/http2/stream/idle-timer.js'
import type { ServerStream } from '../../../listener/http2/stream/server-stream.js'
import { abort } from '../../../listener/request/pushed-request.js'
import type { ResponseHead } from '../../../transport/http1/response-head.js'
import type { ClientStream, ClientTunnel } from '../client-stream.js'
import { internals } from '../response-internals.js'
import { bytesOf, linesOf, statusOf, trailersOf } from './outgoing-message.js'
import { StreamResponse } from './stream-response.js'

/**
 * Node's response, for those who go through the router, of a request that came as a stream of HTTP/2. It makes a head as it
 * would for HTTP/1.1; what it would write to a connection goes to the stream.
 */
export class RoutedStreamResponse extends ServerResponse<StreamRequest> implements ClientStream {
  readonly takesBulk = false
  readonly #stream: ServerStream
  readonly #out: StreamResponse
  readonly #idle = new IdleTimer()
  /** Node itself sees no connection: it would hold back what other streams send as well. */
  #hidesSocket = false
  /** Those of a backend's response, names and values in turn. */
  #trailers: readonly string[] | undefined
  /** While it ends, what was written last goes with the end. */
  #isEnding = false
  #last: Buffer[] = []
  #isFull = false
  #isFinished = false
  #tellsFinish = false

  /** @param bufferSizeBytes of the body are buffered before who writes it has to wait */
  constructor(req: StreamRequest, stream: ServerStream, bufferSizeBytes: number) {
    super(req)
    this.#stream = stream
    this.#out = new StreamResponse(req, stream, bufferSizeBytes)
    // Node takes the 2.0 of a version for something older than 1.1.
    this.shouldKeepAlive = this.useChunkedEncodingByDefault = true
    stream.whenClosed(() => this.#onClosed())
  }

  /** Node's own choice of framing is for HTTP/1.1. */
  override writeHead(...args: unknown[]): this {
    super.writeHead(...(args as Parameters<ServerResponse['writeHead']>))
    this.chunkedEncoding = false
    return this
  }

  /** In place of Node's, which puts the head before the data, and writes both to the connection. */
  _send(data: string | Uint8Array, encoding?: BufferEncoding | null, callback?: () => void): boolean {
    if (this.#stream.isClosed) return false
    this.#idle.touch()
    this.#startOut()
    const part = bytesOf(data, encoding)
    if (this.#isEnding) {
      if (part.length > 0) this.#last.push(part)
      return true
    }
    if (part.length > 0) this.#out.sendPart(part)
    else this.#out.flush()
    if (callback) this.#out.whenTaken(() => process.nextTick(callback))
    return this.#hasRoom()
  }

  /** In place of Node's, which writes an interim response to the connection. */
  _writeRaw(text: string, _encoding: string, callback?: () => void): boolean {
    this.#out.interim(statusOf(text), linesOf(text))
    if (callback) process.nextTick(callback)
    return true
  }

  override write(...args: unknown[]): boolean {
    return this.#withoutSocket(() => super.write(...(args as Parameters<ServerResponse['write']>)))
  }

  override end(...args: unknown[]): this {
    const wasEnded = this.finished
    this.#isEnding = !wasEnded
    try {
      this.#withoutSocket(() => super.end(...(args as Parameters<ServerResponse['end']>)))
    } catch (error) {
      this.#isEnding = false
      throw error
    }
    if (!wasEnded) this.#endOut()
    return this
  }

  override destroy(_error?: Error): this {
    if (this.destroyed) return this
    this.destroyed = true
    // Ended in any other way, a response that is not whole would be taken for it.
    this.#stream.reset(this.#stream.isSent ? ErrorCode.noError : ErrorCode.internalError)
    return this
  }

  override setTimeout(timeoutMs: number, callback?: () => void): this {
    if (callback) this.on('timeout', callback)
    this.#idle.set(timeoutMs, () => this.emit('timeout'))
    return this
  }

  /** When it is finished is known here, and not to Node. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'finish' && !this.#tellsFinish) return false
    return super.emit(event as never, ...(args as never[]))
  }

  whenOver(callback: () => void): void {
    this.#out.whenOver(callback)
  }

  whenTaken(callback: () => void): void {
    this.#out.whenTaken(callback)
  }

  sendInterim(head: ResponseHead): void {
    this.#out.sendInterim(head)
  }

  begin(head: ResponseHead, lines: string): void {
    const message = internals(this)
    this.#out.begin(head, lines)
    this.statusCode = head.statusCode
    message._header = head.text
    message._headerSent = true
  }

  sendPart(part: Buffer): void {
    this.#out.sendPart(part)
  }

  flush(): void {
    this.#out.flush()
  }

  /** By way of `end`, which others may have wrapped. */
  finish(last: Buffer | undefined, trailers: readonly string[]): void {
    this.#trailers = trailers
    this.end(last && Buffer.from(last))
  }

  cutOff(): void {
    this.destroy()
  }

  answer(statusCode: number, phrase: string, fields: readonly string[], body: string | undefined): void {
    this.writeHead(statusCode, phrase, fields as string[])
    this.end(body, 'latin1')
  }

  clientTunnel(): ClientTunnel {
    return this.#out.clientTunnel()
  }

  #withoutSocket<Result>(call: () => Result): Result {
    this.#hidesSocket = true
    try {
      return call()
    } finally {
      this.#hidesSocket = false
    }
  }

  /** Has the stream begin with the head that Node has made, unless it has begun. */
  #startOut(): void {
    const message = internals(this)
    const { _header: head } = message
    if (message._headerSent || head === null) return
    message._headerSent = true
    this.#out.start(this.statusCode, linesOf(head), message._hasBody)
  }

  #endOut(): void {
    const last = this.#last
    this.#out.finish(last.length > 1 ? Buffer.concat(last) : last[0], this.#trailers ?? trailersOf(this))
    this.#out.whenTaken(() => process.nextTick(() => this.#onSent()))
  }

  #onSent(): void {
    const { isClosed, isSent } = this.#stream
    // One that was reset before is not finished.
    if (this.#isFinished || (isClosed && !isSent)) return
    this.#isFinished = this.#tellsFinish = true
    this.emit('finish')
    this.#tellsFinish = false
  }

  /** Whether whoever writes may go on; otherwise 'drain' says when. */
  #hasRoom(): boolean {
    if (this.#isFull) return false
    if (this.writableLength < this.writableHighWaterMark) return true
    this.#isFull = true
    this.#out.whenTaken(() => {
      this.#isFull = false
      this.#idle.touch()
      this.emit('drain')
    })
    return false
  }

  #onClosed(): void {
    const message = internals(this)
    this.#idle.stop()
    if (this.writableFinished) this.#onSent()
    else abort(this.req)
    message._closed = this.destroyed = true
    this.emit('close')
  }

  static {
    // To Node's types these are no accessors.
    Object.defineProperties(RoutedStreamResponse.prototype, {
      socket: {
        get(this: RoutedStreamResponse) {
          return this.#hidesSocket ? null : this.#stream.socket
        },
        set() {}
      },
      writableLength: {
        get(this: RoutedStreamResponse) {
          return this.#out.writableLength
        }
      },
      writableHighWaterMark: {
        get(this: RoutedStreamResponse) {
          return this.#out.writableHighWaterMark
        }
      },
      writableNeedDrain: {
        get(this: RoutedStreamResponse) {
          return this.#isFull && !this.destroyed && !this.finished
        }
      },
      writableFinished: {
        get(this: RoutedStreamResponse) {
          return this.#out.writableFinished
        }
      }
    })
  }
}
