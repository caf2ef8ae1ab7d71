const NOTHING: Buffer = Buffer.alloc(0)

/**
 * Bytes that arrive in parts, in one buffer. Its capacity doubles, so that each byte is copied about twice however small
 * the parts are. A buffer is never reused.
 */
export class GatheredBytes {
  #memory = NOTHING
  #length = 0

  get length(): number {
    return this.#length
  }

  /** A view of all of them, valid until the next `add()`. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length)
  }

  add(part: Buffer): void {
    const length = this.#length + part.length
    if (length > this.#memory.length) {
      const memory = Buffer.allocUnsafe(Math.max(length, 2 * this.#memory.length))
      this.#memory.copy(memory, 0, 0, this.#length)
      this.#memory = memory
    }
    part.copy(this.#memory, this.#length)
    this.#length = length
  }

  /** Starts over with a copy of a part. */
  restart(part: Buffer): void {
    this.#memory = Buffer.from(part)
    this.#length = part.length
  }

  clear(): void {
    this.#memory = NOTHING
    this.#length = 0
  }
}
