import { FrameDispatcher, type FrameHandler } from '../../base/http2/frame-dispatcher.js'
import type { FrameWriter } from '../../base/http2/frame-writer.js'
import { ConnectionError } from '../../base/http2/frames/connection-error.js'
import type { FieldBlock } from '../../base/http2/frames/field-blocks.js'
import { ErrorCode, FrameType } from '../../base/http2/frames/frames.js'
import type { PeerSettings } from '../../base/http2/peer-settings.js'
import { onWindowUpdate } from './stream/send-window.js'
import type { Stream } from './stream/stream.js'

/** Receive window of a connection. */
export const WINDOW_BYTES = 16_777_216

/** The connection whose frames are read. */
export interface FrameTarget {
  /**
   * The stream with this identifier; undefined if it is closed.
   * @throws {ConnectionError} if it was never opened
   */
  streamOf(id: number): Stream | undefined
  /**
   * SETTINGS were applied.
   * @param windowDelta change of the initial window size, for each open stream
   */
  onSettings(windowDelta: number): void
  /** GOAWAY: the backend accepts no more requests, and has not processed those after this stream. */
  onGoAway(lastId: number): void
}

/** Passes the frames of a backend on to the streams that they belong to. Those of closed streams are dropped. */
export class ResponseFrames implements FrameHandler {
  readonly #target: FrameTarget
  readonly #writer: FrameWriter
  readonly #frames: FrameDispatcher
  #window = WINDOW_BYTES

  constructor(target: FrameTarget, writer: FrameWriter, maxHeadBytes: number) {
    this.#target = target
    this.#writer = writer
    this.#frames = new FrameDispatcher('server', this, writer, maxHeadBytes)
  }

  get settings(): PeerSettings {
    return this.#frames.settings
  }

  /** Stream of the latest frame. */
  get streamId(): number {
    return this.#frames.streamId
  }

  /**
   * Parses bytes. No reference to them is kept.
   * @throws {ConnectionError} if the connection is in error (RFC 9113 section 5.4.1)
   */
  parse(bytes: Buffer): void {
    this.#frames.parse(bytes)
  }

  /** Ignores all further bytes. */
  stop(): void {
    this.#frames.stop()
  }

  onFieldsBegin(streamId: number): void {
    this.#target.streamOf(streamId)
  }

  onFields(block: FieldBlock): void {
    this.#target.streamOf(block.streamId)?.onFields(block)
  }

  onDataBegin(streamId: number, length: number): void {
    const stream = this.#target.streamOf(streamId)
    this.#window -= length
    if (this.#window < 0) throw new ConnectionError('window', ErrorCode.flowControlError)
    // Data that a stream has not consumed is bounded by the stream's own window.
    if (this.#window < WINDOW_BYTES / 2) {
      this.#writer.writeNumber(FrameType.windowUpdate, 0, WINDOW_BYTES - this.#window)
      this.#window = WINDOW_BYTES
    }
    stream?.onDataFrame(length)
  }

  onData(streamId: number, chunk: Buffer): void {
    this.#target.streamOf(streamId)?.onData(chunk)
  }

  onDataEnd(streamId: number, isEnd: boolean): void {
    this.#target.streamOf(streamId)?.onDataFrameEnd(isEnd)
  }

  onReset(streamId: number, errorCode: number): void {
    this.#target.streamOf(streamId)?.onReset(errorCode)
  }

  onWindowUpdate(streamId: number, bytes: number): void {
    const stream = this.#target.streamOf(streamId)
    if (stream) onWindowUpdate(stream, bytes, this.settings.initialWindowBytes)
  }

  onSettings(windowDelta: number): void {
    this.#target.onSettings(windowDelta)
  }

  onGoAway(lastId: number): void {
    this.#target.onGoAway(lastId)
  }

  onWrongSize(streamId: number): void {
    this.#target.streamOf(streamId)?.onInvalidFrame('frame size', ErrorCode.frameSizeError)
  }

  onPriority(): void {}

  onPriorityUpdate(): void {
    // A server must not send it (RFC 9218 section 7).
    throw new ConnectionError('priority update')
  }

  onControlFrame(): void {}
}
