import { HEAD_TOO_LARGE } from '../../http1/broken-response.js'
import { FieldDecoder } from '../hpack/field-decoder.js'
import { BrokenFrame } from './broken-frame.js'
import { ErrorCode, Flag, FrameType } from './frames.js'

/** Length of the priority in HEADERS. */
const PRIORITY_BYTES = 5
/** A field block may have this many frames; more only if they average this many bytes (CONTINUATION flood). */
const MIN_FRAMES = 64
const MIN_FRAME_BYTES = 256
/** A block of up to this multiple of the limit is decoded: only its stream fails, not the connection. */
const TOLERANCE = 4

/** A complete field block. */
export interface FieldBlock {
  readonly streamId: number
  /** Alternating names and values; undefined if they exceed the limit. */
  readonly fields: string[] | undefined
  /** Whether it ends its stream. */
  readonly isEnd: boolean
}

/** Assembles the field blocks of a connection from HEADERS and CONTINUATION, and decodes them (RFC 9113 section 4.3). */
export class FieldBlocks {
  readonly #decoder = new FieldDecoder()
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #bytes = 0
  #streamId = 0
  #isEnd = false

  /** @param maxBytes limit of a block, as text */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Whether a block is incomplete: then only CONTINUATION may follow. */
  get isOpen(): boolean {
    return this.#parts.length > 0
  }

  /**
   * Adds a frame. Returns the block if that completes it.
   * @throws {BrokenFrame} if the frame is out of order, or the block far exceeds the limit
   */
  add(type: number, flags: number, streamId: number, payload: Buffer): FieldBlock | undefined {
    const isFirst = type === FrameType.headers
    if (isFirst === this.isOpen || (!isFirst && streamId !== this.#streamId))
      throw new BrokenFrame('continuation')
    const part = isFirst ? fragmentOf(flags, payload) : payload
    if (isFirst) {
      this.#streamId = streamId
      this.#isEnd = (flags & Flag.endStream) !== 0
    }
    this.#bytes += part.length
    const isWhole = (flags & Flag.endHeaders) !== 0
    if (isFirst && isWhole) return this.#decode(part)
    // A block that is not decoded would desynchronize the dynamic table: the connection fails.
    const maxFrames = Math.max(MIN_FRAMES, this.#bytes / MIN_FRAME_BYTES)
    if (this.#bytes > TOLERANCE * this.#maxBytes || this.#parts.length >= maxFrames)
      throw new BrokenFrame(HEAD_TOO_LARGE, ErrorCode.enhanceYourCalm)
    this.#parts.push(Buffer.from(part))
    return isWhole ? this.#decode(Buffer.concat(this.#parts)) : undefined
  }

  #decode(block: Buffer): FieldBlock {
    this.#parts = []
    this.#bytes = 0
    const fields = this.#decoder.decode(block, this.#maxBytes)
    return { streamId: this.#streamId, fields, isEnd: this.#isEnd }
  }
}

/** The fragment of the field block in the payload of HEADERS. */
function fragmentOf(flags: number, payload: Buffer): Buffer {
  const isPadded = (flags & Flag.padded) !== 0
  const from = (isPadded ? 1 : 0) + ((flags & Flag.priority) !== 0 ? PRIORITY_BYTES : 0)
  const to = payload.length - (isPadded ? (payload[0] ?? 0) : 0)
  if (from > to) throw new BrokenFrame('padding')
  return payload.subarray(from, to)
}
