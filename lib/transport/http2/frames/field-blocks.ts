import { HEAD_TOO_LARGE } from '../../http1/broken-response.js'
import { FieldDecoder } from '../hpack/field-decoder.js'
import { BrokenFrame } from './broken-frame.js'
import { ErrorCode, Flag, FrameType } from './frames.js'

/** What HEADERS has ahead of its fields, if it has a priority. */
const PRIORITY_BYTES = 5
/** A block of so many frames, or of less in each than this if it has more, is one of which nothing comes. */
const MIN_FRAMES = 64
const MIN_FRAME_BYTES = 256
/** A block that is larger by up to this is read to its end: only its stream fails, and not all of the connection. */
const TOLERANCE = 4

/** A block of fields that is whole. */
export interface FieldBlock {
  readonly streamId: number
  /** Names and values in turn; undefined if they are too many. */
  readonly fields: string[] | undefined
  /** Nothing comes behind it on its stream. */
  readonly isEnd: boolean
}

/** Puts the blocks of fields of one connection together, from HEADERS and CONTINUATION, and decodes them. */
export class FieldBlocks {
  readonly #decoder = new FieldDecoder()
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #bytes = 0
  #streamId = 0
  #isEnd = false

  /** @param maxBytes of the text that a block makes */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Whether a block has begun: then nothing else may come. */
  get isOpen(): boolean {
    return this.#parts.length > 0
  }

  /**
   * Takes a frame. Returns the block, if it is whole with that.
   * @throws {BrokenFrame}
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
    // What is left out of the table of the decoder makes all behind it useless.
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

/** The fields in the payload of HEADERS. */
function fragmentOf(flags: number, payload: Buffer): Buffer {
  const isPadded = (flags & Flag.padded) !== 0
  const from = (isPadded ? 1 : 0) + ((flags & Flag.priority) !== 0 ? PRIORITY_BYTES : 0)
  const to = payload.length - (isPadded ? (payload[0] ?? 0) : 0)
  if (from > to) throw new BrokenFrame('padding')
  return payload.subarray(from, to)
}
