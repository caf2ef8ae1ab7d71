import type { EncodedName } from './encoded-name.js'
import { FIRST_DYNAMIC } from './static-table.js'

/** The size that a table has at first, and the largest that is used (RFC 9113 section 6.5.2). */
export const TABLE_BYTES = 4096
/** Overhead of an entry (RFC 7541 section 4.1). */
const ENTRY_BYTES = 32
/** A line that takes more of the table than this would evict too much. */
const MAX_SHARE = 0.75

/** An entry: it is found by the line of HTTP/1.1 that it stands for. */
export interface Entry {
  readonly line: string
  readonly name: EncodedName
  readonly bytes: number
  /** How many were added before. */
  readonly number: number
}

/** The dynamic table of the peer's decoder, as it is after what was encoded so far (RFC 7541 section 2.3.2). */
export class EncodingTable {
  /** The oldest first. */
  readonly #entries: Entry[] = []
  readonly #byLine = new Map<string, Entry>()
  #bytes = 0
  #learned = 0
  #maxBytes = TABLE_BYTES

  /** How many lines were added so far. */
  get learned(): number {
    return this.#learned
  }

  /** The entry of a line. */
  find(line: string): Entry | undefined {
    return this.#byLine.get(line)
  }

  /** The index of an entry (section 2.3.3). */
  indexOf({ number }: Entry): number {
    return FIRST_DYNAMIC + this.#learned - 1 - number
  }

  /** Whether a line may be added. @param length of name and value */
  hasRoomFor(length: number): boolean {
    return length + ENTRY_BYTES <= this.#maxBytes * MAX_SHARE
  }

  /** Adds a line that is not in it. @param length of name and value */
  add(line: string, name: EncodedName, length: number): void {
    const bytes = length + ENTRY_BYTES
    this.#shrink(this.#maxBytes - bytes)
    // Without the head of which it is a part.
    const copy = Buffer.from(line, 'latin1').toString('latin1')
    const entry = { line: copy, name, bytes, number: this.#learned++ }
    this.#entries.push(entry)
    this.#byLine.set(copy, entry)
    this.#bytes += bytes
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes
    this.#shrink(maxBytes)
  }

  /** Evicts the oldest entries until the table fits (section 4.3). */
  #shrink(maxBytes: number): void {
    while (this.#bytes > maxBytes) {
      const { line, bytes } = this.#entries.shift()!
      this.#byLine.delete(line)
      this.#bytes -= bytes
    }
  }
}
