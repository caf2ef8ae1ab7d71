import { ConnectionError } from '../frames/connection-error.js'
import { ErrorCode } from '../frames/frames.js'
import { decodeHuffman } from './huffman.js'
import { FIRST_DYNAMIC, STATIC_TABLE } from './static-table.js'
import { UNINDEXED } from './unindexed.js'

/** Maximal size of the dynamic table: the default, as our SETTINGS do not change it. */
const TABLE_BYTES = 4096
/** Overhead of an entry in the table (RFC 7541 section 4.1). */
const ENTRY_BYTES = 32
/** Overhead of a field in the text of a head. */
const LINE_BYTES = 4
const MAX_INTEGER = 2 ** 28
/** The first three bits of an update of the table's size. */
const SIZE_UPDATE = 1

/** A block of up to this multiple of the limit is decoded: only its stream fails, not the connection. */
export const TOLERANCE = 4

let memory = Buffer.allocUnsafeSlow(8192)

/** The fields of a block. */
export interface DecodedFields {
  /** Alternating names and values, in latin1; if the limit is exceeded, those up to it. */
  readonly fields: string[]
  /** Whether there are more of them, as the limit is exceeded. */
  readonly isTooLarge: boolean
  /**
   * Names of fields that no encoder on the way may index (RFC 7541 section 6.2.3); undefined if there are none but those
   * that none of ours indexes anyway.
   */
  readonly neverIndexed: ReadonlySet<string> | undefined
}

/** HPACK decoder of a connection (RFC 7541). Field blocks must be decoded in their order, and none be skipped. */
export class FieldDecoder {
  /** The dynamic table: alternating names and values, the oldest first. */
  readonly #table: string[] = []
  #tableBytes = 0
  #maxTableBytes = TABLE_BYTES
  #block!: Buffer
  #at = 0

  /**
   * Decodes a field block.
   * @param maxBytes limit of the fields, as text
   * @throws {ConnectionError} if it is invalid (COMPRESSION_ERROR), or exceeds the limit by far (ENHANCE_YOUR_CALM)
   */
  decode(block: Buffer, maxBytes: number): DecodedFields {
    this.#block = block
    this.#at = 0
    // Only here may the size of the table change (section 4.2).
    while (block[this.#at]! >> 5 === SIZE_UPDATE) this.#resize(this.#integer(5))
    const fields: string[] = []
    let neverIndexed: Set<string> | undefined
    let bytes = 0
    while (this.#at < block.length) {
      const first = block[this.#at]!
      let name: string
      let value: string
      if (first >= 0x80) {
        const index = this.#integer(7)
        name = this.#entry(index, 0)
        value = this.#entry(index, 1)
      } else if (first >= 0x40) {
        name = this.#name(6)
        value = this.#string()
        this.#add(name, value)
      } else if (first >= 0x20) {
        throw broken()
      } else {
        name = this.#name(4)
        value = this.#string()
        if (first >= 0x10 && !UNINDEXED.has(name)) {
          neverIndexed ??= new Set()
          neverIndexed.add(name)
        }
      }
      bytes += name.length + value.length + LINE_BYTES
      // Too large a block is decoded all the same, for the table, but for one that blows up.
      if (bytes <= maxBytes) fields.push(name, value)
      else if (bytes > TOLERANCE * maxBytes)
        throw new ConnectionError('head too large', ErrorCode.enhanceYourCalm)
    }
    return { fields, isTooLarge: bytes > maxBytes, neverIndexed }
  }

  #name(prefixBits: number): string {
    const index = this.#integer(prefixBits)
    return index === 0 ? this.#string() : this.#entry(index, 0)
  }

  /** The name (0) or the value (1) of an entry of the static or dynamic table. */
  #entry(index: number, part: 0 | 1): string {
    const text =
      index < FIRST_DYNAMIC
        ? STATIC_TABLE[2 * (index - 1) + part]
        : this.#table[this.#table.length - 2 * (index - FIRST_DYNAMIC + 1) + part]
    if (text === undefined) throw broken()
    return text
  }

  #integer(prefixBits: number): number {
    const block = this.#block
    const max = (1 << prefixBits) - 1
    let value = block[this.#at++]! & max
    if (value < max) return value
    for (let factor = 1; factor < MAX_INTEGER; factor *= 128) {
      const byte = block[this.#at++]
      if (byte === undefined) throw broken()
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
    throw broken()
  }

  #string(): string {
    const block = this.#block
    const at = this.#at
    if (at >= block.length) throw broken()
    const isHuffman = block[at]! >= 0x80
    const length = this.#integer(7)
    const from = this.#at
    const to = from + length
    if (to > block.length) throw broken()
    this.#at = to
    if (!isHuffman) return block.toString('latin1', from, to)
    if (memory.length < 2 * length) memory = Buffer.allocUnsafeSlow(4 * length)
    const decoded = decodeHuffman(block, from, to, memory)
    if (decoded < 0) throw broken()
    return memory.toString('latin1', 0, decoded)
  }

  #add(name: string, value: string): void {
    const size = name.length + value.length + ENTRY_BYTES
    this.#shrink(this.#maxTableBytes - size)
    if (size > this.#maxTableBytes) return
    this.#table.push(name, value)
    this.#tableBytes += size
  }

  #resize(maxBytes: number): void {
    if (maxBytes > TABLE_BYTES) throw broken()
    this.#maxTableBytes = maxBytes
    this.#shrink(maxBytes)
  }

  /** Evicts the oldest entries until the table fits (RFC 7541 section 4.3). */
  #shrink(maxBytes: number): void {
    const table = this.#table
    let dropped = 0
    while (this.#tableBytes > Math.max(0, maxBytes)) {
      this.#tableBytes -= table[dropped]!.length + table[dropped + 1]!.length + ENTRY_BYTES
      dropped += 2
    }
    if (dropped > 0) table.splice(0, dropped)
  }
}

function broken(): ConnectionError {
  return new ConnectionError('header compression', ErrorCode.compressionError)
}
