import type { Socket } from 'node:net'
import { DataQueue, type DataQueueOwner } from '../../../base/http2/data-queue.js'
import type { FrameWriter } from '../../../base/http2/frame-writer.js'
import { ErrorCode } from '../../../base/http2/frames/frames.js'
import type { ResponseEncoder } from '../../../base/http2/hpack/response-encoder.js'
import type { BodyReader } from './body-reader.js'
import type { Priority } from './priority.js'
import { type ReceivedBody, RequestBody } from './request-body.js'
import type { ServerStream } from './server-stream.js'

/** The connection of a stream, as the stream uses it. */
export interface StreamConnection {
  readonly socket: Socket
  readonly writer: FrameWriter
  readonly encoder: ResponseEncoder
  onDataSent(): void
  /** The stream is closed, without a reset or by one of the client. */
  onStreamClosed(stream: OpenStream): void
  /** The stream is to be reset. */
  onStreamReset(stream: OpenStream, errorCode: number): void
  sendWindowUpdate(streamId: number, bytes: number): void
  /** The reader of a stream does not take so many bytes that have come, or takes them after all. */
  onHeld(change: number): void
}

const NO_RESET = -1
const NO_CALLBACKS: (() => void)[] = []

/** A stream of HTTP/2 of a client: a request and its response (RFC 9113 section 5.1). */
export class OpenStream implements ServerStream, DataQueueOwner, ReceivedBody {
  readonly id: number
  /** Whether nothing more can be sent or received. */
  isClosed = false
  /** Whether the end of the response was sent, END_STREAM included. */
  isSent = false
  /** The error code with which either side has reset the stream; -1 if none has. */
  resetCode = NO_RESET
  /** What comes of the request. */
  readonly body: RequestBody
  /** Set by its connection when it looks for streams whose client does not read: what had been sent, and when. */
  stalledAtBytes = 0
  stalledSinceMs = -1
  /** Bytes of DATA that were sent. */
  sentBytes = 0
  readonly #connection: StreamConnection
  readonly #queue: DataQueue
  #onSent: (() => void) | undefined
  #onClosed = NO_CALLBACKS
  #isTold = false

  /**
   * @param sendWindow initial send window
   * @param isEnd whether nothing follows the head of the request
   * @param contentLength of its body; negative if none was declared
   */
  constructor(
    id: number,
    connection: StreamConnection,
    sendWindow: number,
    windowBytes: number,
    isEnd: boolean,
    contentLength: number
  ) {
    this.id = id
    this.#connection = connection
    this.#queue = new DataQueue(id, connection.writer, sendWindow, this)
    this.body = new RequestBody(this, windowBytes, isEnd, contentLength)
  }

  get socket(): Socket {
    return this.#connection.socket
  }

  get unsentBytes(): number {
    return this.#queue.bytes
  }

  get bodyReader(): BodyReader | undefined {
    return this.body.reader
  }

  set bodyReader(reader: BodyReader | undefined) {
    this.body.reader = reader
  }

  sendInterim(statusCode: number, lines: string, neverIndexed: ReadonlySet<string> | undefined): void {
    const { encoder, writer } = this.#connection
    // They need no window: to a client that reads none of them they would pile up.
    if (!this.#canSend || writer.isUnread) return
    writer.writeBlock(this.id, encoder.encode(statusCode, lines, neverIndexed), false)
  }

  sendHead(
    statusCode: number,
    lines: string,
    isEnd: boolean,
    neverIndexed: ReadonlySet<string> | undefined
  ): void {
    if (!this.#canSend) return
    const { encoder, writer } = this.#connection
    writer.writeBlock(this.id, encoder.encode(statusCode, lines, neverIndexed), isEnd)
    if (!isEnd) return
    this.#queue.stop()
    this.onEnded()
  }

  send(part: Buffer): void {
    if (this.#canSend) this.#queue.push(part, true)
  }

  flush(): void {
    this.#connection.writer.flushLent()
  }

  end(last: Buffer | undefined, trailers: readonly string[]): void {
    if (!this.#canSend) return
    const { encoder, writer } = this.#connection
    const writeTrailers =
      trailers.length > 0
        ? () => writer.writeBlock(this.id, encoder.encodeTrailers(trailers), true)
        : undefined
    this.#queue.end(last, true, writeTrailers)
    writer.flushLent()
  }

  reset(errorCode: number): void {
    if (this.isClosed) return
    this.resetCode = errorCode
    this.#close()
    this.#connection.onStreamReset(this, errorCode)
  }

  whenSent(callback: () => void): void {
    if (this.#queue.bytes === 0) callback()
    else this.#onSent = callback
  }

  whenClosed(callback: () => void): void {
    if (this.#onClosed === NO_CALLBACKS) this.#onClosed = [callback]
    else this.#onClosed.push(callback)
    if (this.isClosed && this.#isTold) process.nextTick(() => this.tellClosed())
  }

  resumeBody(): void {
    this.body.resume()
  }

  limitPause(timeoutMs: number): void {
    this.body.limitPause(timeoutMs)
  }

  // --- for the connection

  /** Whether the response waits for the window of this stream, and not for what others are sent. */
  get isWindowClosed(): boolean {
    return this.#queue.isWindowClosed
  }

  setPriority({ urgency, isIncremental }: Priority): void {
    this.#queue.setPriority(urgency, isIncremental)
  }

  /**
   * Adds to the send window of the stream.
   * @returns whether it could: it must not exceed 2^31-1
   */
  addWindow(bytes: number): boolean {
    if (!this.#queue.hasRoomFor(bytes)) return false
    this.#queue.addWindow(bytes)
    return true
  }

  /** The client has reset the stream, or the connection is lost. */
  onLost(errorCode: number): void {
    if (this.isClosed) return
    this.resetCode = errorCode
    this.#close()
    this.#connection.onStreamClosed(this)
  }

  /** Tells those that wait for it that the stream is closed. */
  tellClosed(): void {
    this.#isTold = true
    const callbacks = this.#onClosed
    this.#onClosed = NO_CALLBACKS
    for (const callback of callbacks) callback()
  }

  // --- for its queue and its body

  onDataSent(bytes: number): void {
    this.sentBytes += bytes
    this.#connection.onDataSent()
  }

  onEmpty(): void {
    this.#tellSent()
  }

  onEnded(): void {
    this.isSent = true
    this.#tellSent()
    this.#closeIfDone()
  }

  onBodyEnded(): void {
    this.#closeIfDone()
  }

  onBodyError(): void {
    this.reset(ErrorCode.protocolError)
  }

  onConsumed(bytes: number): void {
    if (!this.isClosed) this.#connection.sendWindowUpdate(this.id, bytes)
  }

  onHeld(change: number): void {
    this.#connection.onHeld(change)
  }

  get #canSend(): boolean {
    return !this.isClosed && !this.#queue.isEnding
  }

  #closeIfDone(): void {
    if (this.isClosed || !this.isSent || !this.body.isEnded) return
    this.#close()
    this.#connection.onStreamClosed(this)
  }

  #close(): void {
    this.isClosed = true
    this.#queue.stop()
    this.body.stop()
    this.#tellSent()
  }

  #tellSent(): void {
    const onSent = this.#onSent
    this.#onSent = undefined
    onSent?.()
  }
}
