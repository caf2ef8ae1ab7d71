const MAX_LENGTH = 64
const CGI_HYPHEN = /[^a-z0-9-]/g

/**
 * A set of field names. It rejects almost every other name by length and first letter, without lower-casing or hashing:
 * every field of every message is looked up.
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
   * Whether the set has the name, or one that is the same variable in CGI: names are upper-cased there, with `_` for `-`
   * (RFC 3875 section 4.1.18), and in some servers for every character that is no letter or digit.
   */
  hasCgiEquivalent(name: string): boolean {
    if (!this.mayHave(name.length, name.charCodeAt(0))) return false
    const lower = name.toLowerCase()
    return this.#names.has(lower) || this.#names.has(lower.replace(CGI_HYPHEN, '-'))
  }

  /**
   * Whether the set has a name of this length and first letter, in either case.
   * @param first character code
   */
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
