import type { FieldBlock } from '../../../base/http2/frames/field-blocks.js'
import { ErrorCode } from '../../../base/http2/frames/frames.js'
import type { BackendStream, OutgoingRequest, ResponseHandler } from '../../backend-stream.js'
import { BrokenResponse, HeadTooLarge } from '../../http1/broken-response.js'
import type { ResponseHead } from '../../http1/response-head.js'
import { RequestRefused, StreamReset } from '../errors.js'
import type { DataSender, DataStream } from './data-sender.js'
import { headOf, trailersOf } from './response-fields.js'

/** The connection of a stream, as the stream uses it. */
export interface StreamConnection {
  /** Sends trailers, which end the stream. */
  sendTrailers(stream: Stream, trailers: readonly string[]): void
  /** Sends a WINDOW_UPDATE for the stream. */
  sendWindowUpdate(stream: Stream, bytes: number): void
  /** The stream's handler was called within a read: it expects `onReadEnd()`. */
  onTouched(stream: Stream): void
  /** The backend has refused a stream. Returns whether it has processed none of the connection so far. */
  onRefused(): boolean
  /**
   * The stream is closed.
   * @param errorCode for an RST_STREAM; -1 for none
   */
  onClosed(stream: Stream, errorCode: number): void
}

const NO_RESET = -1
const NO_TRAILERS: readonly string[] = Object.freeze([])

/** A stream of HTTP/2: one request and its response (RFC 9113 section 5.1). */
export class Stream implements BackendStream, DataStream {
  /** 0 until the request is sent. */
  id = 0
  /** Sends the body of the request, while there is some left. */
  sender: DataSender | undefined
  isClosed = false
  /** Set by its connection: the handler was called in this read. */
  isTouched = false
  /** Set by its connection: how often that had written before the request was sent. */
  flushes = 0
  /** Sum of its WINDOW_UPDATEs. */
  grantedBytes = 0

  readonly isReused: boolean
  /** Not used: reads are those of the connection. */
  readsBulk = false
  readonly tunnel = undefined
  readonly #connection: StreamConnection
  readonly #request: OutgoingRequest
  readonly #handler: ResponseHandler
  readonly #windowBytes: number
  /** Receive window: bytes that the backend may still send. */
  #window: number
  /** Bytes received since the latest WINDOW_UPDATE. */
  #unacknowledged = 0
  #isPaused = false
  #hasHead = false
  /** Bytes of the body still to come; negative without a Content-Length. */
  #remaining = -1

  /** @param windowBytes receive window */
  constructor(
    connection: StreamConnection,
    request: OutgoingRequest,
    handler: ResponseHandler,
    windowBytes: number,
    isReused: boolean
  ) {
    this.#connection = connection
    this.#request = request
    this.#handler = handler
    this.#window = this.#windowBytes = windowBytes
    this.isReused = isReused
  }

  get hasBody(): boolean {
    return this.#request.body !== undefined
  }

  // --- for the handler

  pause(): void {
    this.#isPaused = true
  }

  readonly resume = (): void => {
    this.#isPaused = false
    this.#acknowledge()
  }

  destroy(): void {
    this.#close(ErrorCode.cancel)
  }

  fail(error: Error): void {
    this.#failWith(error, ErrorCode.cancel)
  }

  // --- for the connection

  sendTrailers(trailers: readonly string[]): void {
    this.#connection.sendTrailers(this, trailers)
  }

  /** Whether the head of the response was received. */
  get hasHead(): boolean {
    return this.#hasHead
  }

  /** A field block was received: a head, or trailers. */
  onFields({ fields, isTooLarge, neverIndexed, isEnd }: FieldBlock): void {
    try {
      if (isTooLarge) throw new HeadTooLarge(this.#hasHead && isEnd && this.#remaining <= 0)
      if (this.#hasHead) this.#onTrailers(fields, isEnd)
      else this.#onHead(headOf(fields, neverIndexed), isEnd)
    } catch (error) {
      this.#reject(error)
    }
  }

  /** A DATA frame begins: all of it counts for flow control, before its data is passed on. */
  onDataFrame(length: number): void {
    this.#window -= length
    this.#unacknowledged += length
    if (this.#window < 0) this.#reject(new BrokenResponse('window'), ErrorCode.flowControlError)
    else if (!this.#hasHead) this.#reject(new BrokenResponse('data before a head'))
  }

  onData(chunk: Buffer): void {
    if (this.#remaining >= 0) {
      this.#remaining -= chunk.length
      if (this.#remaining < 0) {
        this.#reject(new BrokenResponse('length'))
        return
      }
    }
    this.#touch()
    this.#handler.onData(chunk)
  }

  onDataFrameEnd(isEnd: boolean): void {
    if (isEnd) this.#end(NO_TRAILERS)
  }

  /** All data of a read was passed on. */
  onReadEnd(): void {
    this.isTouched = false
    if (this.isClosed) return
    this.#handler.onReadEnd()
    this.#acknowledge()
  }

  /** Nothing more can be sent; what the backend has sent before is still read. */
  onSendingFailed(): void {
    this.#stopSending()
    this.#handler.onSendingFailed?.()
  }

  /** RST_STREAM: the backend has cancelled the request or, after a complete response, needs no more of its body. */
  onReset(errorCode: number): void {
    const isAnswered = errorCode === ErrorCode.noError && this.#hasHead && this.#remaining === 0
    if (isAnswered) this.#end(NO_TRAILERS, NO_RESET)
    else if (errorCode === ErrorCode.refusedStream && !this.#hasHead)
      this.onLost(new RequestRefused(this.#connection.onRefused()))
    else this.onLost(new StreamReset(errorCode))
  }

  /** Fails the stream: nothing more will be received. */
  onLost(error: Error): void {
    this.#failWith(error, NO_RESET)
  }

  /** A frame of the backend is wrong, and breaks no other stream. */
  onInvalidFrame(reason: string, errorCode: number): void {
    this.#reject(new BrokenResponse(reason), errorCode)
  }

  #onHead(head: ResponseHead, isEnd: boolean): void {
    const { statusCode } = head
    this.#touch()
    if (statusCode < 200) {
      if (isEnd) throw new BrokenResponse('no final status')
      this.#handler.onInterim(head)
      return
    }
    this.#hasHead = true
    const isBodiless = this.#request.method === 'HEAD' || statusCode === 204 || statusCode === 304
    this.#remaining = isBodiless ? 0 : head.contentLength
    this.#handler.onHead(head)
    // From here on the request is not retried.
    if (!this.isClosed) this.#request.retryBuffer?.discard()
    if (isEnd) this.#end(NO_TRAILERS)
  }

  #onTrailers(fields: readonly string[], isEnd: boolean): void {
    if (!isEnd) throw new BrokenResponse('second head')
    // A truncated body is reported rather than invalid trailers.
    this.#end(fields.length > 0 && this.#remaining <= 0 ? trailersOf(fields) : NO_TRAILERS)
  }

  /** @param errorCode for an RST_STREAM, as an answered request needs no rest of its body */
  #end(trailers: readonly string[], errorCode: number = this.sender ? ErrorCode.cancel : NO_RESET): void {
    const wrongCode = this.sender ? ErrorCode.protocolError : NO_RESET
    if (this.#remaining > 0) this.#reject(new BrokenResponse('length'), wrongCode)
    if (this.isClosed) return
    this.#close(errorCode)
    this.#handler.onEnd(trailers)
  }

  #reject(error: unknown, errorCode: number = ErrorCode.protocolError): void {
    if (!(error instanceof BrokenResponse)) throw error
    this.#failWith(error, errorCode)
  }

  #failWith(error: Error, errorCode: number): void {
    if (this.isClosed) return
    this.#close(errorCode)
    this.#handler.onError(error)
  }

  #touch(): void {
    if (this.isTouched) return
    this.isTouched = true
    this.#connection.onTouched(this)
  }

  /** Sends a WINDOW_UPDATE for consumed bytes, once they are half of the window. */
  #acknowledge(): void {
    if (this.isClosed || this.#isPaused || this.#unacknowledged < this.#windowBytes / 2) return
    this.#window += this.#unacknowledged
    this.#connection.sendWindowUpdate(this, this.#unacknowledged)
    this.#unacknowledged = 0
  }

  #stopSending(): void {
    this.sender?.stop()
    this.sender = undefined
  }

  #close(errorCode: number): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#stopSending()
    this.#connection.onClosed(this, errorCode)
  }
}
