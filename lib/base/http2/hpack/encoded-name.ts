import { FieldNames } from '../../http/field-names.js'
import { STATIC_TABLE } from './static-table.js'
import { UNINDEXED } from './unindexed.js'

/** What the index of a line costs, what its use and its lack earn, and what can be saved up: 32 lines. */
const PRICE = 16
const HIT = 8
const MISS = 1
const MAX_CREDIT = 32 * PRICE

/** Names that are remembered at most, and their longest. */
const MAX_NAMES = 512
const MAX_LENGTH = 64

/** A field name, and what encoders have learned of its values. */
export class EncodedName {
  /** In lower case (RFC 9113 section 8.2.1). */
  readonly text: string
  /** Its index in the static table, or 0. */
  readonly staticIndex: number
  /** Whether it is left out. */
  readonly isOmitted: boolean
  /** Whether its values may be indexed. */
  readonly isIndexed: boolean
  #credit = MAX_CREDIT

  constructor(text: string, isOmitted: boolean) {
    this.text = text
    this.staticIndex = STATIC_INDEXES.get(text) ?? 0
    this.isOmitted = isOmitted
    this.isIndexed = !UNINDEXED.has(text)
  }

  /** A value was found in a table. */
  onHit(): void {
    if (this.#credit < MAX_CREDIT) this.#credit += HIT
  }

  /**
   * A value was not found. Returns whether it is to be indexed: where values are not repeated, such as those of
   * `content-length`, mostly not, so that they do not evict others.
   */
  onMiss(): boolean {
    if (!this.isIndexed) return false
    const isAfforded = this.#credit >= PRICE
    this.#credit += isAfforded ? -PRICE : MISS
    return isAfforded
  }
}

/** The names that the encoders of a role have met, as they are written in HTTP/1.1. */
export class EncodedNames {
  readonly #omitted: FieldNames
  readonly #names = new Map<string, EncodedName>()

  /** @param omitted names of fields that are left out, in lower case */
  constructor(omitted: readonly string[]) {
    this.#omitted = new FieldNames(omitted)
  }

  /** @param written in whatever case */
  of(written: string): EncodedName {
    return this.#names.get(written) ?? this.#add(written)
  }

  #add(written: string): EncodedName {
    // Without the text of which it is a part.
    const copy = Buffer.from(written, 'latin1').toString('latin1')
    const text = copy.toLowerCase()
    const name = new EncodedName(text, this.#omitted.has(text))
    if (text.length > MAX_LENGTH) return name
    // Who sends ever new names makes all be learned anew, but takes no memory.
    if (this.#names.size >= MAX_NAMES) this.#names.clear()
    this.#names.set(copy, name)
    return name
  }
}

/** The first index of each name in the static table. */
const STATIC_INDEXES = new Map<string, number>()
for (let i = STATIC_TABLE.length - 2; i >= 0; i -= 2) STATIC_INDEXES.set(STATIC_TABLE[i]!, i / 2 + 1)
