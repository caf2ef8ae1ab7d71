const rotated = (word: number, bits: number) => (word << bits) | (word >>> (32 - bits))

/** The key in a secret: two words of 32 bits. */
export const hashKeyOf = (secret: Buffer) => [secret.readInt32LE(0), secret.readInt32LE(4)] as const

/**
 * HalfSipHash-2-4 with 64 bits: whoever does not know the key cannot choose texts with the same hash (Aumasson and
 * Bernstein, "SipHash: a fast short-input PRF", 2012).
 */
export class KeyedHash {
  readonly #low: number
  readonly #high: number
  #v0 = 0
  #v1 = 0
  #v2 = 0
  #v3 = 0
  /** The second word of the latest hash. */
  high = 0

  /** @param key two words of 32 bits */
  constructor([low, high]: readonly [number, number]) {
    this.#low = low
    this.#high = high
  }

  /**
   * Hashes the bytes of a text. Returns the first word, and leaves the second in `high`; both are signed.
   * @param text of characters up to U+00FF, a byte each
   */
  of(text: string): number {
    this.#v0 = this.#low
    this.#v1 = this.#high ^ 0xee
    this.#v2 = this.#low ^ 0x6c796765
    this.#v3 = this.#high ^ 0x74656462
    const { length } = text
    const end = length & ~3
    for (let i = 0; i < end; i += 4) this.#absorb(wordAt(text, i, i + 4))
    this.#absorb((length << 24) | wordAt(text, end, length))
    this.#v2 ^= 0xee
    this.#mix(4)
    const first = this.#v1 ^ this.#v3
    this.#v1 ^= 0xdd
    this.#mix(4)
    this.high = this.#v1 ^ this.#v3
    return first
  }

  #absorb(word: number): void {
    this.#v3 ^= word
    this.#mix(2)
    this.#v0 ^= word
  }

  #mix(rounds: number): void {
    let v0 = this.#v0
    let v1 = this.#v1
    let v2 = this.#v2
    let v3 = this.#v3
    for (let left = rounds; left > 0; left--) {
      v0 = (v0 + v1) | 0
      v1 = rotated(v1, 5) ^ v0
      v0 = rotated(v0, 16)
      v2 = (v2 + v3) | 0
      v3 = rotated(v3, 8) ^ v2
      v0 = (v0 + v3) | 0
      v3 = rotated(v3, 7) ^ v0
      v2 = (v2 + v1) | 0
      v1 = rotated(v1, 13) ^ v2
      v2 = rotated(v2, 16)
    }
    this.#v0 = v0
    this.#v1 = v1
    this.#v2 = v2
    this.#v3 = v3
  }
}

/** The characters of a text from `start` to `end`, the first in the lowest byte. */
function wordAt(text: string, start: number, end: number): number {
  let word = 0
  for (let i = end - 1; i >= start; i--) word = (word << 8) | (text.charCodeAt(i) & 0xff)
  return word
}
