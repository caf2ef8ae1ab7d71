const MAX_LENGTH = 64

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
    for (const name of names) this.#candidates[slot(name)] = 1
  }

  /** Whether the set has the name, in whatever case it is written. */
  has(name: string): boolean {
    return (
      name.length < MAX_LENGTH && this.#candidates[slot(name)] === 1 && this.#names.has(name.toLowerCase())
    )
  }
}

// The low five bits of a letter are the same in both cases.
const slot = (name: string) => (name.length << 5) | (name.charCodeAt(0) & 31)

/** The options named by a `Connection` field, in lower case (RFC 9110 section 7.6.1). */
export function connectionOptions(value: string): string[] {
  return value
    .toLowerCase()
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '' && option !== 'close' && option !== 'keep-alive')
}

/** Drops from a flat list of names and values the fields that `names` lists. */
export function withoutFields(list: string[], names: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < list.length; i += 2) {
    if (!names.includes(list[i]!.toLowerCase())) kept.push(list[i]!, list[i + 1]!)
  }
  return kept
}
