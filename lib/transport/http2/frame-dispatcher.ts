import type { FrameWriter } from './frame-writer.js'
import { BrokenFrame } from './frames/broken-frame.js'
import { FieldBlocks } from './frames/field-blocks.js'
import { FrameReader, type FrameSink } from './frames/frame-reader.js'
import { ErrorCode, Flag, FrameType, numberFrame, pingFrame, settingsAck } from './frames/frames.js'
import { PeerSettings } from './peer-settings.js'
import type { Stream } from './stream/stream.js'

/** Receive window of a connection. */
export const WINDOW_BYTES = 16_777_216

const PING_BYTES = 8
const MIN_GO_AWAY_BYTES = 8
const NUMBER_BYTES = 4

/** The connection that frames are dispatched for. */
export interface FrameTarget {
  /**
   * The stream with this identifier; undefined if it is closed.
   * @throws {BrokenFrame} if it was never opened
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

/** Parses the frames of a connection, replies to SETTINGS and PING, and dispatches the others to their streams. */
export class FrameDispatcher implements FrameSink {
  readonly settings = new PeerSettings()
  /** Stream of the latest frame. */
  streamId = 0
  readonly #target: FrameTarget
  readonly #writer: FrameWriter
  readonly #reader = new FrameReader(this)
  readonly #blocks: FieldBlocks
  #hasSettings = false
  #window = WINDOW_BYTES

  constructor(target: FrameTarget, writer: FrameWriter, maxHeadBytes: number) {
    this.#target = target
    this.#writer = writer
    this.#blocks = new FieldBlocks(maxHeadBytes)
  }

  /**
   * Parses bytes. No reference to them is kept.
   * @throws {BrokenFrame} if the connection is in error (RFC 9113 section 5.4.1)
   */
  parse(bytes: Buffer): void {
    this.#reader.parse(bytes)
  }

  /** Ignores all further bytes. */
  stop(): void {
    this.#reader.stop()
  }

  onDataFrame(streamId: number, length: number): void {
    this.#begin(FrameType.data, streamId)
    const stream = this.#target.streamOf(streamId)
    this.#window -= length
    if (this.#window < 0) throw new BrokenFrame('window', ErrorCode.flowControlError)
    // Data that a stream has not consumed is bounded by the stream's own window.
    if (this.#window < WINDOW_BYTES / 2) {
      this.#writer.write(numberFrame(FrameType.windowUpdate, 0, WINDOW_BYTES - this.#window))
      this.#window = WINDOW_BYTES
    }
    stream?.onDataFrame(length)
  }

  onData(streamId: number, chunk: Buffer): void {
    this.#target.streamOf(streamId)?.onData(chunk)
  }

  onDataFrameEnd(streamId: number, flags: number): void {
    this.#target.streamOf(streamId)?.onDataFrameEnd((flags & Flag.endStream) !== 0)
  }

  onFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    this.#begin(type, streamId)
    switch (type) {
      case FrameType.headers:
      case FrameType.continuation:
        this.#onFields(type, flags, streamId, payload)
        return
      case FrameType.rstStream:
        this.#target.streamOf(streamId)?.onReset(numberOf(payload))
        return
      case FrameType.settings:
        expectConnection(streamId)
        this.#onSettings(flags, payload)
        return
      case FrameType.ping:
        expectConnection(streamId)
        if (payload.length !== PING_BYTES) throw new BrokenFrame('ping', ErrorCode.frameSizeError)
        if ((flags & Flag.ack) === 0) this.#writer.reply(pingFrame(payload, Flag.ack))
        return
      case FrameType.goAway:
        expectConnection(streamId)
        if (payload.length < MIN_GO_AWAY_BYTES) throw new BrokenFrame('goaway', ErrorCode.frameSizeError)
        this.#target.onGoAway(payload.readUInt32BE(0) & 0x7fff_ffff)
        return
      case FrameType.windowUpdate:
        this.#onWindowUpdate(streamId, numberOf(payload) & 0x7fff_ffff)
        return
      case FrameType.pushPromise:
        throw new BrokenFrame('unasked push')
    }
    // PRIORITY and unknown types are ignored (RFC 9113 section 4.1).
  }

  #begin(type: number, streamId: number): void {
    this.streamId = streamId
    if (!this.#hasSettings && type !== FrameType.settings) throw new BrokenFrame('no settings')
    if (this.#blocks.isOpen && type !== FrameType.continuation) throw new BrokenFrame('continuation')
  }

  #onFields(type: number, flags: number, streamId: number, payload: Buffer): void {
    const stream = this.#target.streamOf(streamId)
    // Even of a closed stream it is decoded, for the dynamic table.
    const block = this.#blocks.add(type, flags, streamId, payload)
    if (block) stream?.onFields(block.fields, block.isEnd)
  }

  #onSettings(flags: number, payload: Buffer): void {
    if ((flags & Flag.ack) !== 0) {
      if (!this.#hasSettings || payload.length > 0) throw new BrokenFrame('settings')
      return
    }
    const { settings } = this
    const before = settings.initialWindowBytes
    settings.apply(payload)
    this.#hasSettings = true
    this.#writer.maxFrameBytes = settings.maxFrameBytes
    this.#writer.reply(settingsAck())
    this.#target.onSettings(settings.initialWindowBytes - before)
  }

  #onWindowUpdate(streamId: number, bytes: number): void {
    if (bytes === 0) throw new BrokenFrame('window')
    if (streamId === 0) this.#writer.addWindow(bytes)
    else this.#target.streamOf(streamId)?.addWindow(bytes)
  }
}

function numberOf(payload: Buffer): number {
  if (payload.length !== NUMBER_BYTES) throw new BrokenFrame('frame size', ErrorCode.frameSizeError)
  return payload.readUInt32BE(0)
}

function expectConnection(streamId: number): void {
  if (streamId !== 0) throw new BrokenFrame('stream')
}
