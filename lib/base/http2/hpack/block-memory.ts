/** Shorter texts are copied by characters: a call of native code costs more. */
const SHORT = 24
const INITIAL_BYTES = 16_384

/** Memory in which field blocks are written, one after the other: that of a block lasts until the next begins. */
export class BlockMemory {
  #bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  #at = 0

  /** Begins a block. @param bytes upper bound of its size */
  begin(bytes: number): void {
    if (this.#bytes.length < bytes) this.#bytes = Buffer.allocUnsafeSlow(bytes)
    this.#at = 0
  }

  /** The block, in memory that the next one overwrites. */
  get block(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  /**
   * Writes an integer (RFC 7541 section 5.1).
   * @param prefixBits of the first byte belong to it
   * @param first the other bits of that byte
   */
  addInteger(value: number, prefixBits: number, first: number): void {
    const bytes = this.#bytes
    const max = (1 << prefixBits) - 1
    if (value < max) {
      bytes[this.#at++] = first | value
      return
    }
    bytes[this.#at++] = first | max
    let rest = value - max
    for (; rest >= 128; rest >>= 7) bytes[this.#at++] = (rest & 127) | 128
    bytes[this.#at++] = rest
  }

  /**
   * Writes a part of a text in latin1 as a string (section 5.2). Huffman codes would save a quarter of it, and take longer
   * than all else.
   */
  addString(text: string, from = 0, to = text.length): void {
    const length = to - from
    this.addInteger(length, 7, 0)
    const bytes = this.#bytes
    let at = this.#at
    this.#at += length
    if (length < SHORT) for (let i = from; i < to; i++) bytes[at++] = text.charCodeAt(i)
    else bytes.write(from === 0 && to === text.length ? text : text.slice(from, to), at, 'latin1')
  }
}
