import { GatheredBytes } from '../../http1/gathered-bytes.js'
import { BrokenFrame } from './broken-frame.js'
import { ErrorCode, Flag, FRAME_HEAD_BYTES, FrameType, MAX_FRAME_BYTES } from './frames.js'

/** What is told of the frames of a connection, in their order. */
export interface FrameSink {
  /** A whole frame of any kind but DATA. */
  onFrame(type: number, flags: number, streamId: number, payload: Buffer): void
  /** A frame of DATA begins. `length` counts for flow control, padding included. */
  onDataFrame(streamId: number, length: number): void
  /** A part of it. */
  onData(streamId: number, chunk: Buffer): void
  /** All of it has come. */
  onDataFrameEnd(streamId: number, flags: number): void
}

/**
 * Reads the frames of one connection from whatever parts they come in (RFC 9113 section 4). Data goes on as it comes;
 * any other frame is put together first, as it is short.
 */
export class FrameReader {
  readonly #sink: FrameSink
  #isStopped = false
  /** The beginning of a frame. */
  readonly #partial = new GatheredBytes()
  /** Of a frame of DATA that has begun. */
  #streamId = 0
  #flags = 0
  #dataBytes = 0
  #paddingBytes = 0
  #isInData = false

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** Tells nothing more. */
  stop(): void {
    this.#isStopped = true
  }

  /**
   * Takes bytes that came. They are not kept.
   * @throws {BrokenFrame}
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

  /** Takes a frame, or the beginning of one of DATA. Returns where the next one begins: here, if this is not all there. */
  #parseFrame(block: Buffer, at: number): number {
    const left = block.length - at
    if (left < FRAME_HEAD_BYTES) return at
    const length = (block[at]! << 16) | (block[at + 1]! << 8) | block[at + 2]!
    const type = block[at + 3]!
    const flags = block[at + 4]!
    if (length > MAX_FRAME_BYTES) throw new BrokenFrame('frame size', ErrorCode.frameSizeError)
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
    if (isPadded && (length === 0 || padding > length)) throw new BrokenFrame('padding')
    this.#streamId = streamId
    this.#flags = flags
    this.#dataBytes = length - padding
    this.#paddingBytes = isPadded ? padding - 1 : 0
    this.#isInData = true
    this.#sink.onDataFrame(streamId, length)
    const next = isPadded ? from + 1 : from
    // An empty frame, or the empty rest of one, is all there.
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
