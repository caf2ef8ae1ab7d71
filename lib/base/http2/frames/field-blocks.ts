import { type DecodedFields, FieldDecoder, TOLERANCE } from '../hpack/field-decoder.js'
import { ConnectionError } from './connection-error.js'
import { ErrorCode, Flag, FrameType } from './frames.js'

/** Length of the priority in HEADERS. */
const PRIORITY_BYTES = 5
/** A field block may have this many frames; more only if they average this many bytes (CONTINUATION flood). */
const MIN_FRAMES = 256
const MIN_FRAME_BYTES = 256

/** A complete field block. */
export interface FieldBlock extends DecodedFields {
  readonly streamId: number
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
   * @throws {ConnectionError} if the frame is out of order, or the block far exceeds the limit
   */
  add(type: number, flags: number, streamId: number, payload: Buffer): FieldBlock | undefined {
    const isFirst = type === FrameType.headers
    if (isFirst === this.isOpen || (!isFirst && streamId !== this.#streamId))
      throw new ConnectionError('continuation')
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
      throw new ConnectionError('head too large', ErrorCode.enhanceYourCalm)
    this.#parts.push(Buffer.from(part))
    return isWhole ? this.#decode(Buffer.concat(this.#parts)) : undefined
  }

  #decode(block: Buffer): FieldBlock {
    this.#parts = []
    this.#bytes = 0
    const { fields, isTooLarge, neverIndexed } = this.#decoder.decode(block, this.#maxBytes)
    return { streamId: this.#streamId, isEnd: this.#isEnd, fields, isTooLarge, neverIndexed }
  }
}

/** The fragment of the field block in the payload of HEADERS. */
function fragmentOf(flags: number, payload: Buffer): Buffer {
  const isPadded = (flags & Flag.padded) !== 0
  const from = (isPadded ? 1 : 0) + ((flags & Flag.priority) !== 0 ? PRIORITY_BYTES : 0)
  const to = payload.length - (isPadded ? (payload[0] ?? 0) : 0)
  if (from > to) throw new ConnectionError('padding')
  return payload.subarray(from, to)
}
