const MAX_LENGTH = 64
const LIKE_A_HYPHEN = /[^a-z0-9-]/g

/**
 * A set of field names that tells almost every other name apart by its length and first letter, without lower-casing
 * or hashing it: the header of each message is checked against one.
 */
export class FieldNames {
  readonly #candidates = new Uint8Array(MAX_LENGTH * 32)
  readonly #names: ReadonlySet<string>

  /** @param names in lower case, shorter than 64 */
  constructor(names: readonly string[]) {
    this.#names = new Set(names)
    for (const name of names) this.#candidates[slot(name.length, name.charCodeAt(0))] = 1
  }

  /** Whether the set has the name, in whatever case it is written. */
  has(name: string): boolean {
    return this.mayHave(name.length, name.charCodeAt(0)) && this.#names.has(name.toLowerCase())
  }

  /**
   * Whether the set has the name, or one that programs cannot tell from it which get fields as variables: there letters
   * are capitals, and `-` is `_` (RFC 3875 section 4.1.18), as is whatever else is no letter or digit with some.
   */
  hasCgiEquivalent(name: string): boolean {
    if (!this.mayHave(name.length, name.charCodeAt(0))) return false
    const lower = name.toLowerCase()
    return this.#names.has(lower) || this.#names.has(lower.replace(LIKE_A_HYPHEN, '-'))
  }

  /** Whether the set has a name of this length that begins with this character, in either case. */
  mayHave(length: number, first: number): boolean {
    return length < MAX_LENGTH && this.#candidates[slot(length, first)] === 1
  }
}

// The low five bits of a letter are the same in both cases.
const slot = (length: number, first: number) => (length << 5) | (first & 31)

/** The options named by a `Connection` field, in lower case (RFC 9110 section 7.6.1). */
export function connectionOptions(value: string): string[] {
  return value
    .toLowerCase()
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '')
}
