import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { FrameWriter } from '../../base/http2/frame-writer.js'
import { ConnectionError } from '../../base/http2/frames/connection-error.js'
import { connectionPreface, ErrorCode, goAwayFrame, pingFrame } from '../../base/http2/frames/frames.js'
import { RequestEncoder } from '../../base/http2/hpack/request-encoder.js'
import { bulkReads, usualReads } from '../../base/sockets/read-buffer.js'
import type { OutgoingRequest, ResponseHandler } from '../backend-stream.js'
import { ConnectionClosed } from '../connection-closed.js'
import { BrokenResponse } from '../http1/broken-response.js'
import { type SocketOwner, surviveWriteErrors } from '../sockets/socket-end.js'
import type { Http2ConnectionCallbacks } from './connection-callbacks.js'
import { NotHttp2, PingTimeout, SettingsTimeout } from './errors.js'
import { Keepalive } from './keepalive.js'
import type { Http2ConnectionOptions } from './options.js'
import { RequestLimit } from './request-limit.js'
import { ResponseFrames, WINDOW_BYTES } from './response-frames.js'
import { sendRequest } from './stream/send-request.js'
import { Stream } from './stream/stream.js'
import { Streams, type StreamsCallbacks } from './stream/streams.js'

/** Limit of concurrent requests on a connection: what most servers allow. */
export const MAX_STREAMS = 100
const PING_DATA = Buffer.alloc(8)

/** A connection to a backend over HTTP/2, with many requests at a time (RFC 9113). */
export class Http2Connection implements StreamsCallbacks, SocketOwner {
  // The pool sets these. Times are on the clock of performance.now().
  /** Since when it has been idle. */
  idleSinceMs = Number.POSITIVE_INFINITY
  /** How long it was idle before its latest request. */
  idledMs = 0
  /** When, and after how many requests, it is retired. */
  retireMs = Number.POSITIVE_INFINITY
  maxRequests = Number.POSITIVE_INFINITY
  /** Whether its first response was counted as a success. */
  hasSucceeded = false
  readonly #callbacks: Http2ConnectionCallbacks
  readonly #options: Http2ConnectionOptions
  readonly #socket: Socket
  readonly #writer: FrameWriter
  readonly #encoder: RequestEncoder
  #readsBulk = false
  readonly #frames: ResponseFrames
  readonly #keepalive = new Keepalive()
  readonly #timer: NodeJS.Timeout
  readonly #streams: Streams
  #isReady = false
  #isClosed = false

  /** @param limit requests in total, shared by the connections to the backend */
  constructor(
    options: Http2ConnectionOptions,
    callbacks: Http2ConnectionCallbacks,
    limit = new RequestLimit()
  ) {
    this.#options = options
    this.#callbacks = callbacks
    const onread = {
      buffer: () => (this.#readsBulk ? bulkReads : usualReads),
      callback: (length: number) => this.#onRead(length)
    }
    const socket = options.open(onread, () => this.#onConnected())
    this.#socket = socket
    surviveWriteErrors(socket, this)
    this.#writer = new FrameWriter(socket)
    this.#encoder = new RequestEncoder(options)
    this.#streams = new Streams(this, this.#writer, this.#encoder, limit)
    this.#frames = new ResponseFrames(this, this.#writer, options.maxHeadBytes)
    socket.on('error', (error) => this.fail(error))
    for (const end of ['end', 'close']) socket.on(end, () => this.fail(new ConnectionClosed()))
    const onTimeout = () => {
      if (!this.#isReady) this.fail(new SettingsTimeout())
    }
    // The socket has a timeout of the same length, with a better error. Pending events are processed first.
    this.#timer = setTimeout(() => setImmediate(onTimeout), options.connectTimeoutMs)
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** Whether it accepts no more requests, and closes after the last one. */
  get isClosing(): boolean {
    return this.#streams.isClosing
  }

  /** Whether it has received the head of a response. */
  get hasAnswered(): boolean {
    return this.#streams.hasAnswered
  }

  /** Undefined before the connection is established. */
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress
  }

  /** Requests under way. */
  get load(): number {
    return this.#streams.size
  }

  /** Limit of concurrent requests: ours, or the backend's if lower. */
  get maxLoad(): number {
    return Math.min(MAX_STREAMS, this.#frames.settings.maxConcurrentStreams)
  }

  get hasRoom(): boolean {
    return this.#isReady && !this.#isClosed && this.#streams.hasRoom(this.maxLoad)
  }

  /** Sends a request. `hasRoom` must be true. */
  send(request: OutgoingRequest, handler: ResponseHandler): void {
    const { windowBytes } = this.#options
    const stream = new Stream(this.#streams, request, handler, windowBytes, this.hasAnswered)
    handler.onSending(stream)
    // The handler may have cancelled it.
    if (stream.isClosed) return
    this.#streams.add(stream, this.maxRequests)
    const { initialWindowBytes } = this.#frames.settings
    sendRequest(stream, request, handler, this.#writer, this.#encoder, initialWindowBytes)
  }

  /** Closes once the requests under way have ended. */
  close(): void {
    this.#streams.isClosing = true
    this.#closeIfDone()
  }

  /** Closes the connection at once, and passes the error to the handlers of its requests. */
  fail(error: Error): void {
    this.#failAt(0, error)
  }

  onWriteFailed(): boolean {
    this.#writer.stop()
    for (const stream of this.#streams.all()) stream.onSendingFailed()
    this.close()
    return !this.#isClosed
  }

  /** Sends a PING if need be, or fails the connection if one was not answered. To be called regularly. */
  checkKeepalive(nowMs: number): void {
    this.#streams.recover(nowMs)
    const found = this.#keepalive.check(nowMs, this.#streams.size > 0)
    if (found === 'ping') this.#writer.write(pingFrame(PING_DATA, 0))
    else if (found === 'dead') this.fail(new PingTimeout())
  }

  /**
   * The stream with this identifier; undefined if it is closed.
   * @throws {ConnectionError} if it was never opened
   */
  streamOf(id: number): Stream | undefined {
    return this.#streams.of(id)
  }

  /** The backend's SETTINGS were applied. */
  onSettings(windowDelta: number): void {
    for (const bytes of this.#frames.settings.tableSizes) this.#encoder.setTableBytes(bytes)
    if (windowDelta !== 0) this.#streams.addWindow(windowDelta, this.#frames.settings.initialWindowBytes)
    if (this.#isReady) {
      this.onStreamClosed()
      return
    }
    this.#isReady = true
    clearTimeout(this.#timer)
    this.#callbacks.onReady()
  }

  /** GOAWAY: the backend accepts no more requests, and has not processed those after this stream. */
  onGoAway(lastId: number): void {
    this.#streams.onGoAway(lastId)
    this.onStreamClosed()
  }

  #onConnected(): void {
    if (this.#options.scheme === 'https' && (this.#socket as TLSSocket).alpnProtocol !== 'h2') {
      this.fail(new NotHttp2())
      return
    }
    const { windowBytes, maxHeadBytes } = this.#options
    this.#writer.write(connectionPreface(windowBytes, WINDOW_BYTES, maxHeadBytes))
    this.#writer.flush()
  }

  #onRead(length: number): boolean {
    this.#keepalive.onReceived()
    try {
      this.#frames.parse(bulkReads.subarray(0, length))
    } catch (error) {
      if (error instanceof ConnectionError) this.#onInvalidFrame(error)
      else {
        this.#options.onInternalError?.(error)
        this.#failAt(this.#frames.streamId, error as Error)
      }
    }
    this.#streams.onReadEnd()
    // After a read that filled its buffer there is more.
    this.#readsBulk = length >= usualReads.length
    return true
  }

  onActivity(): void {
    this.#keepalive.onStreamActivity()
  }

  onAllRefused(): void {
    this.#callbacks.onAllRefused()
  }

  onStreamClosed(): void {
    if (!this.#isClosed) this.#callbacks.onChange()
    this.#closeIfDone()
  }

  /** Closes the connection gracefully, with a GOAWAY, if nothing is under way. */
  #closeIfDone(): void {
    if (this.#isClosed || !this.#streams.isClosing || this.#streams.size > 0) return
    this.#end()
    this.#writer.end(goAwayFrame(ErrorCode.noError))
    this.#callbacks.onClosed(new ConnectionClosed())
  }

  #onInvalidFrame({ message, errorCode }: ConnectionError): void {
    if (this.#isClosed) return
    this.#writer.write(goAwayFrame(errorCode))
    this.#writer.flush()
    this.#failAt(this.#frames.streamId, this.#isReady ? new BrokenResponse(message) : new NotHttp2())
  }

  /** @param invalidId stream whose frame was invalid, or 0: the others fail with ConnectionClosed */
  #failAt(invalidId: number, error: Error): void {
    if (this.#isClosed) return
    this.#end()
    this.#socket.destroy()
    if (this.hasAnswered && this.#streams.size > 0 && !(error instanceof BrokenResponse))
      this.#callbacks.onStale()
    this.#streams.onLost(invalidId, error)
    this.#callbacks.onClosed(error)
  }

  #end(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#frames.stop()
  }
}
