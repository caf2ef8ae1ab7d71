import type { Socket } from 'node:net'
import { FrameDispatcher, type FrameHandler } from '../../../base/http2/frame-dispatcher.js'
import { FrameWriter } from '../../../base/http2/frame-writer.js'
import { ConnectionError } from '../../../base/http2/frames/connection-error.js'
import type { FieldBlock } from '../../../base/http2/frames/field-blocks.js'
import { ErrorCode, FrameType } from '../../../base/http2/frames/frames.js'
import { ResponseEncoder } from '../../../base/http2/hpack/response-encoder.js'
import { readShared, type SharedReader } from '../../../base/sockets/read-shared.js'
import type { Http2Options, ServeStream } from '../options.js'
import type { OpenStream } from '../stream/open-stream.js'
import { ConnectionEnd } from './connection-end.js'
import { ConnectionTimeouts } from './connection-timeouts.js'
import { FloodGuard } from './flood-guard.js'
import { PrefaceReader } from './preface-reader.js'
import { ReceiveWindow } from './receive-window.js'
import { serverPreface } from './server-preface.js'
import { ServerStreams, type StreamsOwner } from './server-streams.js'

/** A connection of HTTP/2 of a client (RFC 9113). */
export class ServerConnection implements FrameHandler, StreamsOwner, SharedReader {
  readonly readsBulk = false
  readonly writer: FrameWriter
  readonly encoder = new ResponseEncoder()
  readonly #options: Http2Options
  readonly #serve: ServeStream
  readonly #frames: FrameDispatcher
  readonly #streams: ServerStreams
  readonly #preface = new PrefaceReader()
  readonly #window: ReceiveWindow
  readonly #floods: FloodGuard
  readonly #timeouts: ConnectionTimeouts
  readonly #end: ConnectionEnd
  /** Streams that have closed, and whose ends are still to be told. */
  #ended: OpenStream[] = []
  #requests = 0

  /** @param onClosed called when the connection has closed */
  constructor(
    readonly socket: Socket,
    options: Http2Options,
    serve: ServeStream,
    onClosed: (connection: ServerConnection) => void
  ) {
    this.#options = options
    this.#serve = serve
    this.writer = new FrameWriter(socket)
    this.#frames = new FrameDispatcher('client', this, this.writer, options.maxHeadBytes)
    this.#streams = new ServerStreams(this, options)
    this.#window = new ReceiveWindow(this.writer)
    const nowMs = performance.now()
    this.#floods = new FloodGuard(nowMs)
    this.#timeouts = new ConnectionTimeouts(options, nowMs)
    this.#end = new ConnectionEnd(socket, this.writer, this.#streams)
    this.writer.write(serverPreface(options))
    socket
      .on('data', (bytes: Buffer) => this.onRead(bytes))
      .on('end', () => this.#onLost())
      .on('error', () => socket.destroy())
      .on('close', () => {
        this.#onLost()
        onClosed(this)
      })
    readShared(socket, this)
    socket.resume()
  }

  /** Whether no stream is open. */
  get isIdle(): boolean {
    return this.#streams.size === 0
  }

  get sendWindowBytes(): number {
    return this.#frames.settings.initialWindowBytes
  }

  onRead(bytes: Buffer): void {
    if (this.#end.hasEnded) return
    try {
      const rest = this.#preface.isComplete ? bytes : this.#preface.read(bytes)
      if (rest.length > 0) this.#frames.parse(rest)
      this.#timeouts.onRead(this.#frames.isInBlock)
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      this.#fail(error)
    }
    this.#tellEnded()
  }

  /** Shuts down gracefully: accepts the streams that the client has sent already (RFC 9113 section 6.8). */
  drain(): void {
    this.#end.begin()
  }

  /** Closes the connection, unless there are streams. */
  closeIdle(): void {
    if (this.isIdle) this.socket.destroy()
  }

  /** Enforces the timeouts. To be called regularly. */
  sweep(nowMs: number): void {
    const over = this.#timeouts.check(this.#streams, this.writer, this.#requests > 0, nowMs)
    if (over === 'head') this.#fail(new ConnectionError('slow head', ErrorCode.enhanceYourCalm))
    else if (over === 'idle') this.#end.begin()
  }

  // --- frames

  onFieldsBegin(streamId: number): void {
    this.#streams.checkFields(streamId)
  }

  onFields(block: FieldBlock): void {
    this.#streams.onFields(block)
  }

  onDataBegin(streamId: number, length: number): void {
    const stream = this.#streams.of(streamId)
    this.#window.onFrame(length)
    if (length === 0) this.#floods.onControlFrame()
    if (!stream) this.#streams.onFrameOfClosed(streamId)
    else if (stream.body.isEnded) stream.reset(ErrorCode.streamClosed)
    else if (!stream.body.onFrame(length)) stream.reset(ErrorCode.flowControlError)
  }

  onData(streamId: number, chunk: Buffer): void {
    this.#streams.of(streamId)?.body.onData(chunk)
  }

  onDataEnd(streamId: number, isEnd: boolean): void {
    const body = this.#streams.of(streamId)?.body
    if (isEnd) body?.onEnd([])
    else body?.onFrameEnd()
  }

  onReset(streamId: number, errorCode: number): void {
    const stream = this.#streams.of(streamId)
    this.#floods.onReset()
    stream?.onLost(errorCode)
  }

  onWindowUpdate(streamId: number, bytes: number): void {
    const stream = this.#streams.of(streamId)
    this.#floods.onControlFrame()
    if (!stream) return
    if (bytes === 0) stream.reset(ErrorCode.protocolError)
    else if (!stream.addWindow(bytes)) stream.reset(ErrorCode.flowControlError)
  }

  onSettings(windowDelta: number): void {
    for (const bytes of this.#frames.settings.tableSizes) this.encoder.setTableBytes(bytes)
    if (windowDelta === 0) return
    for (const stream of [...this.#streams.all()])
      if (!stream.addWindow(windowDelta)) throw new ConnectionError('window', ErrorCode.flowControlError)
  }

  onGoAway(): void {
    this.#end.begin()
  }

  onWrongSize(streamId: number): void {
    const stream = this.#streams.of(streamId)
    if (stream) stream.reset(ErrorCode.frameSizeError)
    else throw new ConnectionError('frame size', ErrorCode.frameSizeError)
  }

  onPriority(): void {
    this.#floods.onControlFrame()
  }

  onPriorityUpdate(streamId: number, field: string): void {
    this.#floods.onControlFrame()
    this.#streams.setPriority(streamId, field)
  }

  onControlFrame(): void {
    this.#floods.onControlFrame()
  }

  // --- streams

  onRequest(stream: OpenStream, block: FieldBlock): void {
    this.#floods.onRequest()
    this.#requests++
    if (this.#requests === this.#options.requestsPerConnection) this.drain()
    this.#serve(stream, this.#options.reader, block)
  }

  onDataSent(): void {
    this.#floods.onDataSent()
  }

  onStreamClosed(stream: OpenStream): void {
    this.#onClosed(stream, false)
  }

  onStreamReset(stream: OpenStream, errorCode: number): void {
    if (!this.#end.hasEnded) this.refuse(stream.id, errorCode)
    this.#onClosed(stream, true)
    this.#floods.onResetByUs(errorCode)
  }

  onForcedReset(): void {
    this.#floods.onReset()
  }

  refuse(streamId: number, errorCode: number): void {
    this.writer.writeNumber(FrameType.rstStream, streamId, errorCode)
  }

  sendWindowUpdate(streamId: number, bytes: number): void {
    this.writer.writeNumber(FrameType.windowUpdate, streamId, bytes)
  }

  onHeld(change: number): void {
    if (!this.#end.hasEnded) this.#window.hold(change)
  }

  #onClosed(stream: OpenStream, isResetByUs: boolean): void {
    this.#streams.onClosed(stream, isResetByUs)
    if (this.#ended.push(stream) === 1) setImmediate(() => this.#tellEnded())
    if (this.isIdle) this.#timeouts.onIdle()
    this.#end.onStreamClosed()
  }

  #tellEnded(): void {
    const ended = this.#ended
    if (ended.length === 0) return
    this.#ended = []
    for (const stream of ended) stream.tellClosed()
  }

  #fail(error: ConnectionError): void {
    this.#options.onError(error)
    this.#end.fail(error.errorCode)
    this.#onLost()
  }

  #onLost(): void {
    this.#frames.stop()
    this.#end.onLost()
    for (const stream of [...this.#streams.all()]) stream.onLost(ErrorCode.cancel)
    this.#tellEnded()
  }
}
