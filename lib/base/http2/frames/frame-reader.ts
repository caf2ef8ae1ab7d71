import { GatheredBytes } from '../../sockets/gathered-bytes.js'
import { ConnectionError } from './connection-error.js'
import { ErrorCode, Flag, FRAME_HEAD_BYTES, FrameType, MAX_FRAME_BYTES } from './frames.js'

/** Receives the frames of a connection, in their order. */
export interface FrameSink {
  /** A complete frame of any type but DATA. */
  onFrame(type: number, flags: number, streamId: number, payload: Buffer): void
  /** A DATA frame begins. `length`, padding included, counts for flow control. */
  onDataFrame(streamId: number, length: number): void
  /** A part of its data. */
  onData(streamId: number, chunk: Buffer): void
  /** It is complete. */
  onDataFrameEnd(streamId: number, flags: number): void
}

/**
 * Parses the frames of a connection, in whatever parts they arrive (RFC 9113 section 4). Data is passed on as it arrives;
 * any other frame is assembled first.
 */
export class FrameReader {
  readonly #sink: FrameSink
  #isStopped = false
  /** The beginning of an incomplete frame. */
  readonly #partial = new GatheredBytes()
  /** Of the current DATA frame. */
  #streamId = 0
  #flags = 0
  #dataBytes = 0
  #paddingBytes = 0
  #isInData = false

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** Calls the sink no more. */
  stop(): void {
    this.#isStopped = true
  }

  /**
   * Parses bytes. No reference to them is kept.
   * @throws {ConnectionError} if a frame is too long, or its padding is; what the sink throws passes through
   */
  parse(bytes: Buffer): void {
    const partial = this.#partial
    const isGathered = partial.length > 0
    if (isGathered) partial.add(bytes)
    const block = isGathered ? partial.bytes : bytes
    let at = 0
    while (at < block.length && !this.#isStopped) {
      const next = this.#isInData ? this.#parseData(block, at) : this.#parseFrame(block, at)
      if (next === at) {
        if (!isGathered || at > 0) partial.restart(block.subarray(at))
        return
      }
      at = next
    }
    partial.clear()
  }

  /** Parses a frame, or the start of a DATA frame. Returns the position after it; `at` if it is incomplete. */
  #parseFrame(block: Buffer, at: number): number {
    const left = block.length - at
    if (left < FRAME_HEAD_BYTES) return at
    const length = (block[at]! << 16) | (block[at + 1]! << 8) | block[at + 2]!
    const type = block[at + 3]!
    const flags = block[at + 4]!
    if (length > MAX_FRAME_BYTES) throw new ConnectionError('frame size', ErrorCode.frameSizeError)
    const streamId = block.readUInt32BE(at + 5) & 0x7fff_ffff
    const from = at + FRAME_HEAD_BYTES
    if (type === FrameType.data) return this.#beginData(block, from, length, flags, streamId)
    const to = from + length
    if (to > block.length) return at
    this.#sink.onFrame(type, flags, streamId, block.subarray(from, to))
    return to
  }

  #beginData(block: Buffer, from: number, length: number, flags: number, streamId: number): number {
    const isPadded = (flags & Flag.padded) !== 0
    if (isPadded && from >= block.length && length > 0) return from - FRAME_HEAD_BYTES
    const padding = isPadded ? block[from]! + 1 : 0
    if (isPadded && (length === 0 || padding > length)) throw new ConnectionError('padding')
    this.#streamId = streamId
    this.#flags = flags
    this.#dataBytes = length - padding
    this.#paddingBytes = isPadded ? padding - 1 : 0
    this.#isInData = true
    this.#sink.onDataFrame(streamId, length)
    const next = isPadded ? from + 1 : from
    // Nothing follows: the frame is complete.
    if (this.#dataBytes + this.#paddingBytes === 0) this.#endData()
    return next
  }

  #parseData(block: Buffer, at: number): number {
    let next = at
    if (this.#dataBytes > 0) {
      next = Math.min(block.length, at + this.#dataBytes)
      this.#dataBytes -= next - at
      this.#sink.onData(this.#streamId, block.subarray(at, next))
    }
    const padding = Math.min(block.length - next, this.#paddingBytes)
    this.#paddingBytes -= padding
    if (this.#dataBytes + this.#paddingBytes === 0) this.#endData()
    return next + padding
  }

  #endData(): void {
    this.#isInData = false
    if (!this.#isStopped) this.#sink.onDataFrameEnd(this.#streamId, this.#flags)
  }
}
