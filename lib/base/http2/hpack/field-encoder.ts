import { SPACE, TAB } from '../../http/characters.js'
import { BlockMemory } from './block-memory.js'
import type { EncodedName, EncodedNames } from './encoded-name.js'
import { EncodingTable, type Entry, TABLE_BYTES } from './encoding-table.js'

/** The representations of a field, by the first bits of a byte (RFC 7541 section 6), and how many more are an index. */
const INDEXED = 0x80
const INDEXED_BITS = 7
const INCREMENTAL = 0x40
const INCREMENTAL_BITS = 6
const SIZE_UPDATE = 0x20
const SIZE_UPDATE_BITS = 5
const NEVER_INDEXED = 0x10
const WITHOUT_INDEXING = 0x00
const LITERAL_BITS = 4

const LINE_END = '\r\n'
/** Upper bounds of what a block has besides the text, such as an authority, and of the overhead of a field. */
const AMPLE_BYTES = 1024
const FIELD_BYTES = 11
/** Longer heads are not kept. */
const MAX_KEPT_LENGTH = 1024

const memory = new BlockMemory()

/**
 * HPACK encoder of a connection (RFC 7541). Its blocks must be sent, in their order, or the tables of the two sides differ.
 * A block is lent: the next one, of any encoder, overwrites it.
 */
export abstract class FieldEncoder {
  readonly #names: EncodedNames
  readonly #table = new EncodingTable()
  /** The size that the table is to have, and the smallest that it was to have since the last block. */
  #maxBytes = TABLE_BYTES
  #leastBytes = Number.POSITIVE_INFINITY
  #isResized = false
  /** The latest head, if it is short, its status, and how many lines the table had learned after it. */
  #text = ''
  #statusCode = 0
  #learned = -1
  /** Its block, once nothing of it is new. */
  #block: Buffer | undefined
  /** Whether the head is the same as the one before: then all of it is worth an index. */
  #isRepeated = false

  protected constructor(names: EncodedNames) {
    this.#names = names
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE (RFC 9113 section 6.5.2). */
  setTableBytes(bytes: number): void {
    const maxBytes = Math.min(bytes, TABLE_BYTES)
    // That less is used than is allowed is told as well.
    this.#isResized ||= maxBytes !== this.#maxBytes || bytes > TABLE_BYTES
    if (!this.#isResized) return
    this.#maxBytes = maxBytes
    this.#leastBytes = Math.min(this.#leastBytes, maxBytes)
  }

  /** Encodes trailers, alternating names and values. All are never indexed, as those that were so are not known. */
  encodeTrailers(trailers: readonly string[]): Buffer {
    this.#begin(trailers.reduce((sum, text) => sum + text.length + FIELD_BYTES, 0))
    for (let i = 0; i < trailers.length; i += 2) {
      memory.addInteger(0, LITERAL_BITS, NEVER_INDEXED)
      memory.addString(trailers[i]!.toLowerCase())
      memory.addString(trailers[i + 1]!)
    }
    return memory.block
  }

  /**
   * Encodes a head by `addHead()`, or repeats the block of the latest one: clients ask for the same thing many times a
   * second.
   * @param statusCode 0 for a request
   * @param text its fields, in lines of HTTP/1.1
   */
  protected encodeHead(
    statusCode: number,
    text: string,
    neverIndexed: ReadonlySet<string> | undefined
  ): Buffer {
    const isPlain = neverIndexed === undefined && !this.#isResized
    this.#isRepeated = isPlain && statusCode === this.#statusCode && text === this.#text
    // As nothing was learned meanwhile, all indexes are the same.
    const isFixed = this.#isRepeated && this.#learned === this.#table.learned
    if (isFixed && this.#block) return this.#block
    this.#begin(text.length)
    this.addHead(statusCode, text, neverIndexed)
    const { block } = memory
    this.#block = isFixed && this.#learned === this.#table.learned ? Buffer.from(block) : undefined
    this.#text = isPlain && text.length <= MAX_KEPT_LENGTH ? text : ''
    this.#statusCode = statusCode
    this.#learned = this.#table.learned
    return block
  }

  /** Adds the fields of a head to a block. */
  protected abstract addHead(
    statusCode: number,
    text: string,
    neverIndexed: ReadonlySet<string> | undefined
  ): void

  /** @param textLength length of the fields as lines of HTTP/1.1 */
  #begin(textLength: number): void {
    // The prefixes of a field are no longer than the rest of its line, and of long fields little longer.
    memory.begin(2 * textLength + AMPLE_BYTES)
    if (this.#isResized) this.#addResize()
  }

  /** Adds a field whose index is known. */
  protected addIndexed(index: number): void {
    memory.addInteger(index, INDEXED_BITS, INDEXED)
  }

  /** Adds a field that no table learns, with the index of its name. */
  protected addLiteral(nameIndex: number, value: string, isNeverIndexed: boolean): void {
    memory.addInteger(nameIndex, LITERAL_BITS, isNeverIndexed ? NEVER_INDEXED : WITHOUT_INDEXING)
    memory.addString(value)
  }

  /** Adds the fields of lines, each with its CRLF. @param neverIndexed names of fields that must not be indexed */
  protected addLines(text: string, from: number, neverIndexed: ReadonlySet<string> | undefined): void {
    for (let at = from, to: number; ; at = to + 2) {
      to = text.indexOf(LINE_END, at)
      if (to <= at) return
      this.addLine(text.slice(at, to), neverIndexed)
    }
  }

  /** Adds the field of a line. A line that the table has is found as it is written, before it is taken apart. */
  protected addLine(line: string, neverIndexed: ReadonlySet<string> | undefined): void {
    const entry = this.#table.find(line)
    const name = entry ? entry.name : this.#names.of(line.slice(0, line.indexOf(':')))
    if (!name.isOmitted) this.#add(line, name, entry, neverIndexed)
  }

  /** Adds the field of a line under this name. */
  protected addLineAs(line: string, name: EncodedName, neverIndexed: ReadonlySet<string> | undefined): void {
    this.#add(line, name, this.#table.find(line), neverIndexed)
  }

  #add(
    line: string,
    name: EncodedName,
    entry: Entry | undefined,
    neverIndexed: ReadonlySet<string> | undefined
  ): void {
    if (entry === undefined || neverIndexed?.has(name.text)) {
      this.#addNew(line, name, neverIndexed)
      return
    }
    name.onHit()
    this.addIndexed(this.#table.indexOf(entry))
  }

  #addNew(line: string, name: EncodedName, neverIndexed: ReadonlySet<string> | undefined): void {
    // A pseudo-field begins with a colon.
    let from = line.indexOf(':', 1) + 1
    let to = line.length
    // A value has no blanks around it (RFC 9113 section 8.2.1).
    while (from < to && isBlank(line.charCodeAt(from))) from++
    while (to > from && isBlank(line.charCodeAt(to - 1))) to--
    const length = name.text.length + to - from
    if (!name.isIndexed || neverIndexed?.has(name.text)) {
      addName(name, LITERAL_BITS, NEVER_INDEXED)
    } else if (this.#table.hasRoomFor(length) && (this.#isRepeated || name.onMiss())) {
      addName(name, INCREMENTAL_BITS, INCREMENTAL)
      this.#table.add(line, name, length)
    } else {
      addName(name, LITERAL_BITS, WITHOUT_INDEXING)
    }
    memory.addString(line, from, to)
  }

  /** Tells a new size of the table, and a smaller one that it has had between two blocks (RFC 7541 section 4.2). */
  #addResize(): void {
    const least = this.#leastBytes
    this.#isResized = false
    this.#leastBytes = Number.POSITIVE_INFINITY
    // It has indexes of entries that may go now.
    this.#block = undefined
    if (least < this.#maxBytes) this.#resizeTo(least)
    this.#resizeTo(this.#maxBytes)
  }

  #resizeTo(bytes: number): void {
    memory.addInteger(bytes, SIZE_UPDATE_BITS, SIZE_UPDATE)
    this.#table.resize(bytes)
  }
}

function addName({ staticIndex, text }: EncodedName, prefixBits: number, first: number): void {
  memory.addInteger(staticIndex, prefixBits, first)
  if (staticIndex === 0) memory.addString(text)
}

const isBlank = (code: number) => code === SPACE || code === TAB
