import { hash } from 'node:crypto'

/** So many texts are remembered at once. */
const MAX_KNOWN = 4096

/** The first two words of a hash, signed. */
export interface HashWords {
  readonly low: number
  readonly high: number
}

/** Hashes short texts: whoever does not know the key cannot choose some with the same hash. */
export class KeyedHash {
  readonly #key: string
  /** What is hashed again and again costs little then. */
  readonly #known = new Map<string, HashWords>()

  constructor(key: string) {
    this.#key = key
  }

  of(text: string): HashWords {
    const known = this.#known.get(text)
    if (known) return known
    const bytes = hash('sha256', `${this.#key}\0${text}`, 'buffer')
    const words = { low: bytes.readInt32LE(0), high: bytes.readInt32LE(4) }
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(text, words)
    return words
  }
}
