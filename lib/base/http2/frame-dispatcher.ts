import type { FrameWriter } from './frame-writer.js'
import { ConnectionError } from './frames/connection-error.js'
import { type FieldBlock, FieldBlocks } from './frames/field-blocks.js'
import { FrameReader, type FrameSink } from './frames/frame-reader.js'
import { ErrorCode, Flag, FrameType, pingFrame, settingsAck } from './frames/frames.js'
import { PeerSettings, type Role } from './peer-settings.js'

const PING_BYTES = 8
const MIN_GO_AWAY_BYTES = 8
const NUMBER_BYTES = 4
const PRIORITY_BYTES = 5
const LARGEST_ID = 0x7fff_ffff

/** What is told of the frames of a connection, in their order. All may throw a ConnectionError. */
export interface FrameHandler {
  /** HEADERS begin: may there be some on this stream? */
  onFieldsBegin(streamId: number): void
  /** A field block is complete. */
  onFields(block: FieldBlock): void
  /** A DATA frame begins. `length`, padding included, counts for flow control. */
  onDataBegin(streamId: number, length: number): void
  /** A part of its data, in memory that lasts for the call. */
  onData(streamId: number, chunk: Buffer): void
  /** It is complete. */
  onDataEnd(streamId: number, isEnd: boolean): void
  onReset(streamId: number, errorCode: number): void
  /** @param bytes 0 is an error of the stream */
  onWindowUpdate(streamId: number, bytes: number): void
  /**
   * SETTINGS were applied.
   * @param windowDelta change of the initial window size, for each open stream
   */
  onSettings(windowDelta: number): void
  /** The peer accepts no more streams, and has not processed those after this one. */
  onGoAway(lastId: number): void
  /** A frame of the stream has a size that it cannot have: an error of the stream. */
  onWrongSize(streamId: number): void
  /** PRIORITY, whose content is obsolete (RFC 9113 section 5.3.2). */
  onPriority(streamId: number): void
  /** PRIORITY_UPDATE (RFC 9218 section 7.1). @param field as the field `Priority` */
  onPriorityUpdate(streamId: number, field: string): void
  /** A frame that says nothing to a stream has come, such as PING: of which a flood can be made. */
  onControlFrame(): void
}

/**
 * Reads the frames of a connection, checks what can be checked without its streams (RFC 9113 section 6), replies to SETTINGS
 * and PING, and tells its handler of the rest. The same for both roles.
 */
export class FrameDispatcher implements FrameSink {
  readonly settings: PeerSettings
  /** Stream of the latest frame. */
  streamId = 0
  readonly #handler: FrameHandler
  readonly #writer: FrameWriter
  readonly #reader = new FrameReader(this)
  readonly #blocks: FieldBlocks
  #hasSettings = false

  /**
   * @param role of the peer
   * @param maxHeadBytes limit of a field block, as text
   */
  constructor(role: Role, handler: FrameHandler, writer: FrameWriter, maxHeadBytes: number) {
    this.settings = new PeerSettings(role)
    this.#handler = handler
    this.#writer = writer
    this.#blocks = new FieldBlocks(maxHeadBytes)
  }

  /** Whether a field block has begun, and not ended. */
  get isInBlock(): boolean {
    return this.#blocks.isOpen
  }

  /**
   * Reads bytes. No reference to them is kept.
   * @throws {ConnectionError} if the connection is in error (RFC 9113 section 5.4.1)
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
    expectStream(streamId)
    this.#handler.onDataBegin(streamId, length)
  }

  onData(streamId: number, chunk: Buffer): void {
    this.#handler.onData(streamId, chunk)
  }

  onDataFrameEnd(streamId: number, flags: number): void {
    this.#handler.onDataEnd(streamId, (flags & Flag.endStream) !== 0)
  }

  onFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    this.#begin(type, streamId)
    switch (type) {
      case FrameType.headers:
        expectStream(streamId)
        this.#handler.onFieldsBegin(streamId)
        this.#onFields(type, flags, streamId, payload)
        return
      case FrameType.continuation:
        expectStream(streamId)
        this.#onFields(type, flags, streamId, payload)
        return
      case FrameType.priority:
        expectStream(streamId)
        if (payload.length === PRIORITY_BYTES) this.#handler.onPriority(streamId)
        else this.#handler.onWrongSize(streamId)
        return
      case FrameType.rstStream:
        expectStream(streamId)
        this.#handler.onReset(streamId, numberOf(payload))
        return
      case FrameType.settings:
        expectConnection(streamId)
        this.#onSettings(flags, payload)
        return
      case FrameType.ping:
        expectConnection(streamId)
        if (payload.length !== PING_BYTES) throw new ConnectionError('ping', ErrorCode.frameSizeError)
        this.#handler.onControlFrame()
        if ((flags & Flag.ack) === 0) this.#writer.reply(pingFrame(payload, Flag.ack))
        return
      case FrameType.goAway:
        expectConnection(streamId)
        if (payload.length < MIN_GO_AWAY_BYTES) throw new ConnectionError('goaway', ErrorCode.frameSizeError)
        this.#handler.onGoAway(payload.readUInt32BE(0) & LARGEST_ID)
        return
      case FrameType.windowUpdate:
        this.#onWindowUpdate(streamId, numberOf(payload) & LARGEST_ID)
        return
      case FrameType.pushPromise:
        // A client must not send any, and a server only those that were allowed.
        throw new ConnectionError('push')
      case FrameType.priorityUpdate:
        expectConnection(streamId)
        this.#onPriorityUpdate(payload)
        return
      default:
        // Unknown types are ignored (RFC 9113 section 4.1).
        this.#handler.onControlFrame()
    }
  }

  #begin(type: number, streamId: number): void {
    this.streamId = streamId
    if (!this.#hasSettings && type !== FrameType.settings) throw new ConnectionError('no settings')
    if (this.#blocks.isOpen && type !== FrameType.continuation) throw new ConnectionError('continuation')
  }

  #onFields(type: number, flags: number, streamId: number, payload: Buffer): void {
    const block = this.#blocks.add(type, flags, streamId, payload)
    if (block) this.#handler.onFields(block)
  }

  #onSettings(flags: number, payload: Buffer): void {
    this.#handler.onControlFrame()
    if ((flags & Flag.ack) !== 0) {
      if (payload.length > 0) throw new ConnectionError('settings', ErrorCode.frameSizeError)
      if (!this.#hasSettings) throw new ConnectionError('no settings')
      return
    }
    const { settings } = this
    const before = settings.initialWindowBytes
    settings.apply(payload)
    this.#hasSettings = true
    this.#writer.maxFrameBytes = settings.maxFrameBytes
    this.#writer.reply(settingsAck())
    this.#handler.onSettings(settings.initialWindowBytes - before)
  }

  #onWindowUpdate(streamId: number, bytes: number): void {
    if (streamId !== 0) this.#handler.onWindowUpdate(streamId, bytes)
    else if (bytes === 0) throw new ConnectionError('window')
    else {
      this.#handler.onControlFrame()
      this.#writer.addWindow(bytes)
    }
  }

  #onPriorityUpdate(payload: Buffer): void {
    if (payload.length < NUMBER_BYTES) throw new ConnectionError('priority update', ErrorCode.frameSizeError)
    const streamId = payload.readUInt32BE(0) & LARGEST_ID
    expectStream(streamId)
    this.#handler.onPriorityUpdate(streamId, payload.toString('latin1', NUMBER_BYTES))
  }
}

function numberOf(payload: Buffer): number {
  if (payload.length !== NUMBER_BYTES) throw new ConnectionError('frame size', ErrorCode.frameSizeError)
  return payload.readUInt32BE(0)
}

function expectConnection(streamId: number): void {
  if (streamId !== 0) throw new ConnectionError('stream')
}

function expectStream(streamId: number): void {
  if (streamId === 0) throw new ConnectionError('no stream')
}
