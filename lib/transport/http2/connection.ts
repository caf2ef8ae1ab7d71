import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { OutgoingRequest, ResponseHandler } from '../backend-stream.js'
import { ConnectionClosed } from '../connection-closed.js'
import { BrokenResponse } from '../http1/broken-response.js'
import { ReadBuffer } from '../read-buffer.js'
import { type SocketOwner, surviveWriteErrors } from '../sockets/socket-end.js'
import type { Http2ConnectionCallbacks } from './connection-callbacks.js'
import { NotHttp2, PingTimeout, SettingsTimeout } from './errors.js'
import { FrameDispatcher, WINDOW_BYTES } from './frame-dispatcher.js'
import { FrameWriter } from './frame-writer.js'
import { BrokenFrame } from './frames/broken-frame.js'
import { connectionPreface, ErrorCode, goAwayFrame, pingFrame } from './frames/frames.js'
import { Keepalive } from './keepalive.js'
import type { Http2ConnectionOptions } from './options.js'
import { RequestLimit } from './request-limit.js'
import { sendRequest } from './stream/send-request.js'
import { Stream } from './stream/stream.js'
import { Streams, type StreamsCallbacks } from './stream/streams.js'

/** Requests at once on one connection: as many as most servers allow. */
export const MAX_STREAMS = 100
const PING_DATA = Buffer.alloc(8)

/** One connection of HTTP/2 to a backend, with many requests at a time (RFC 9113). */
export class Http2Connection implements StreamsCallbacks, SocketOwner {
  /** Since when it has had no requests, on the clock of `performance.now()`; set by its owner. */
  idleSinceMs = Number.POSITIVE_INFINITY
  /** How long it had none before the latest; set by its owner. */
  idledMs = 0
  /** When it is to be retired, on the same clock, and after how many requests; set by its owner. */
  retireMs = Number.POSITIVE_INFINITY
  maxRequests = Number.POSITIVE_INFINITY
  /** It is known to have answered; set by its owner. */
  hasSucceeded = false
  readonly #callbacks: Http2ConnectionCallbacks
  readonly #options: Http2ConnectionOptions
  readonly #socket: Socket
  readonly #writer: FrameWriter
  readonly #memory = new ReadBuffer()
  readonly #frames: FrameDispatcher
  readonly #keepalive = new Keepalive()
  readonly #timer: NodeJS.Timeout
  readonly #streams: Streams
  #isReady = false
  #isClosed = false

  /** @param limit what is known of the connections to the same backend */
  constructor(
    options: Http2ConnectionOptions,
    callbacks: Http2ConnectionCallbacks,
    limit = new RequestLimit()
  ) {
    this.#options = options
    this.#callbacks = callbacks
    const onread = {
      buffer: () => this.#memory.buffer,
      callback: (length: number) => this.#onRead(length)
    }
    const socket = options.open(onread, () => this.#onConnected())
    this.#socket = socket
    surviveWriteErrors(socket, this)
    this.#writer = new FrameWriter(socket)
    this.#streams = new Streams(this, this.#writer, limit)
    this.#frames = new FrameDispatcher(this, this.#writer, options.maxHeadBytes)
    socket.on('error', (error) => this.fail(error))
    for (const end of ['end', 'close']) socket.on(end, () => this.fail(new ConnectionClosed()))
    const giveUp = () => {
      if (!this.#isReady) this.fail(new SettingsTimeout())
    }
    // The socket has as long by itself, and tells more. Whether it is ready is heard of first.
    this.#timer = setTimeout(() => setImmediate(giveUp), options.connectTimeoutMs)
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** Whether it takes no more requests, and closes when it has none. */
  get isClosing(): boolean {
    return this.#streams.isClosing
  }

  /** Whether it has carried a request to the head of its response. */
  get hasAnswered(): boolean {
    return this.#streams.hasAnswered
  }

  /** The address that it goes to, undefined before it stands. */
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress
  }

  /** Requests under way. */
  get load(): number {
    return this.#streams.size
  }

  /** Requests that it carries at once. */
  get maxLoad(): number {
    return Math.min(MAX_STREAMS, this.#frames.settings.maxConcurrentStreams)
  }

  get hasRoom(): boolean {
    return this.#isReady && !this.#isClosed && this.#streams.hasRoom(this.maxLoad)
  }

  /** Sends a request, for which there must be room. */
  send(request: OutgoingRequest, handler: ResponseHandler): void {
    const options = this.#options
    const stream = new Stream(this.#streams, request, handler, options.windowBytes, this.hasAnswered)
    handler.onSending(stream)
    // Its handler may have given it up.
    if (stream.isClosed) return
    this.#streams.add(stream, this.maxRequests)
    sendRequest(stream, request, handler, this.#writer, options, this.#frames.settings.initialWindowBytes)
  }

  /** Takes no more requests, and closes when those that it has are done. */
  close(): void {
    this.#streams.isClosing = true
    this.#closeIfDone()
  }

  /** Closes the connection, and tells the handlers of its requests why. */
  fail(error: Error): void {
    this.#failAt(0, error)
  }

  onWriteFailed(): boolean {
    this.#writer.stop()
    for (const stream of this.#streams.all()) stream.onSendingFailed()
    this.close()
    return !this.#isClosed
  }

  /** Looks whether the backend is still there: to be called now and then. */
  checkKeepalive(nowMs: number): void {
    this.#streams.recover(nowMs)
    const found = this.#keepalive.check(nowMs, this.#streams.size > 0)
    if (found === 'ping') this.#writer.write(pingFrame(PING_DATA, 0))
    else if (found === 'dead') this.fail(new PingTimeout())
  }

  /**
   * The stream that a frame is of; undefined if it is over.
   * @throws {BrokenFrame} if there never was one
   */
  streamOf(id: number): Stream | undefined {
    return this.#streams.of(id)
  }

  /** The backend has said of itself what was not known before. */
  onSettings(windowDelta: number): void {
    if (windowDelta !== 0) for (const stream of this.#streams.all()) stream.addWindow(windowDelta)
    if (this.#isReady) {
      this.onStreamClosed()
      return
    }
    this.#isReady = true
    clearTimeout(this.#timer)
    this.#callbacks.onReady()
  }

  /** The backend takes no more requests, and has not looked at those behind this one. */
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
    const bytes = this.#memory.filled(length)
    this.#keepalive.onReceived()
    try {
      this.#frames.parse(bytes)
    } catch (error) {
      if (!(error instanceof BrokenResponse)) this.#options.onInternalError?.(error)
      this.#failAt(this.#frames.streamId, this.#isReady ? (error as Error) : new NotHttp2())
    }
    this.#streams.onReadEnd()
    this.#memory.recycle(length)
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

  /** Closes the connection in good order. */
  #closeIfDone(): void {
    if (this.#isClosed || !this.#streams.isClosing || this.#streams.size > 0) return
    this.#end()
    this.#writer.end(goAwayFrame(ErrorCode.noError))
    this.#callbacks.onClosed(new ConnectionClosed())
  }

  /** @param culprit the stream whose frame was broken, if one's was: the others hear that the connection is lost */
  #failAt(culprit: number, error: Error): void {
    if (this.#isClosed) return
    this.#end()
    if (error instanceof BrokenFrame) {
      this.#writer.write(goAwayFrame(error.errorCode))
      this.#writer.flush()
    }
    this.#socket.destroy()
    if (this.hasAnswered && this.#streams.size > 0 && !(error instanceof BrokenFrame))
      this.#callbacks.onStale()
    this.#streams.onLost(culprit, error)
    this.#callbacks.onClosed(error)
  }

  #end(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#frames.stop()
  }
}
