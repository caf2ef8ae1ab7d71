import type { BackendStream, OutgoingRequest, ResponseHandler } from '../../backend-stream.js'
import { BrokenResponse, HeadTooLarge } from '../../http1/broken-response.js'
import { RequestRefused, StreamReset } from '../errors.js'
import { ErrorCode, MAX_WINDOW_BYTES } from '../frames/frames.js'
import type { DataSender, DataStream } from './data-sender.js'
import { headOf, trailersOf } from './response-fields.js'

/** What a stream asks of its connection. */
export interface StreamConnection {
  /** Sends the fields behind a body. */
  sendTrailers(stream: Stream, trailers: readonly string[]): void
  /** Has the backend send so many bytes more on the stream. */
  sendWindowUpdate(stream: Stream, bytes: number): void
  /** Something was told of the stream: the end of the read is to be told, too. */
  onTouched(stream: Stream): void
  /** The backend has not looked at a stream under way. Returns whether it has looked at none so far. */
  onRefused(): boolean
  /**
   * The stream is over.
   * @param errorCode what the backend is told, which may still be at work on it; -1 if it knows
   */
  onClosed(stream: Stream, errorCode: number): void
}

const NO_RESET = -1
const NO_TRAILERS: readonly string[] = Object.freeze([])

/** One request and its response on a connection of HTTP/2, beside others. */
export class Stream implements BackendStream, DataStream {
  /** 0 until the request is sent. */
  id = 0
  /** Sends the body of the request, while there is some left. */
  sender: DataSender | undefined
  isClosed = false
  /** For its connection: it has been told something in this read. */
  isTouched = false
  /** For its connection: how often that had written before it was sent. */
  flushes = 0

  readonly isReused: boolean
  /** Other streams go on in the memory that it lies in. */
  readonly reusesBuffer = true
  readonly tunnel = undefined
  readonly #connection: StreamConnection
  readonly #request: OutgoingRequest
  readonly #handler: ResponseHandler
  readonly #windowBytes: number
  /** Bytes that the backend may still send. */
  #window: number
  /** Bytes that have come since it was last told that it may send more. */
  #unacknowledged = 0
  #isPaused = false
  #hasHead = false
  /** Bytes of the body that are to come, or less than 0 where its length is not declared. */
  #remaining = -1

  /** @param windowBytes what may lie here that nobody has taken yet */
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

  // --- the side of who has sent the request

  /** Nothing is: all that lasts is copied. */
  retainBuffer(): void {}

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

  // --- the side of the connection

  sendTrailers(trailers: readonly string[]): void {
    this.#connection.sendTrailers(this, trailers)
  }

  /** Whether the response has begun. */
  get hasHead(): boolean {
    return this.#hasHead
  }

  /**
   * Takes a block of fields: those of a head, or behind the body.
   * @param fields undefined if they were too many
   */
  onFields(fields: readonly string[] | undefined, isEnd: boolean): void {
    try {
      if (!fields) throw new HeadTooLarge(this.#hasHead && isEnd && this.#remaining <= 0)
      if (this.#hasHead) this.#onTrailers(fields, isEnd)
      else this.#onHead(fields, isEnd)
    } catch (error) {
      this.#reject(error)
    }
  }

  /** The whole of a frame of data counts, before any of it is told. */
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

  /** All of a read has been told. */
  onReadEnd(): void {
    this.isTouched = false
    if (this.isClosed) return
    this.#handler.onReadEnd()
    this.#acknowledge()
  }

  /** Nothing more of the request can be sent, while what was answered before is read. */
  onSendingFailed(): void {
    this.#stopSending()
    this.#handler.onSendingFailed?.()
  }

  /** The backend gives the request up, or asks for no more of it where it has answered. */
  onReset(errorCode: number): void {
    const isAnswered = errorCode === ErrorCode.noError && this.#hasHead && this.#remaining === 0
    if (isAnswered) this.#end(NO_TRAILERS, NO_RESET)
    else if (errorCode === ErrorCode.refusedStream && !this.#hasHead)
      this.onLost(new RequestRefused(this.#connection.onRefused()))
    else this.onLost(new StreamReset(errorCode))
  }

  /** There will be nothing more. */
  onLost(error: Error): void {
    this.#failWith(error, NO_RESET)
  }

  /** The backend takes so many bytes of the body more. */
  addWindow(bytes: number): void {
    const { sender } = this
    if (!sender) return
    if (sender.window + bytes > MAX_WINDOW_BYTES)
      this.#reject(new BrokenResponse('window'), ErrorCode.flowControlError)
    else sender.addWindow(bytes)
  }

  #onHead(fields: readonly string[], isEnd: boolean): void {
    const head = headOf(fields)
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
    // From here on it is not sent again.
    if (!this.isClosed) this.#request.retryBuffer?.discard()
    if (isEnd) this.#end(NO_TRAILERS)
  }

  #onTrailers(fields: readonly string[], isEnd: boolean): void {
    if (!isEnd) throw new BrokenResponse('second head')
    // A body that is cut short is worse than what is wrong with its trailers.
    this.#end(fields.length > 0 && this.#remaining <= 0 ? trailersOf(fields) : NO_TRAILERS)
  }

  /** @param errorCode by which the backend is told that nobody needs the rest of a request that is answered */
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

  /** Lets the backend send more in place of what has been taken, unless that is little. */
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
