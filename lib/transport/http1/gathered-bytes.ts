const NOTHING: Buffer = Buffer.alloc(0)

/**
 * Bytes that come in parts, gathered in one piece. The memory for them doubles, so that however small the parts are,
 * each byte is copied about twice. No memory is used again for others.
 */
export class GatheredBytes {
  #memory = NOTHING
  #length = 0

  get length(): number {
    return this.#length
  }

  /** What has been gathered, until more is added. */
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

  /** Begins anew with a copy of what a part holds. */
  restart(part: Buffer): void {
    this.#memory = Buffer.from(part)
    this.#length = part.length
  }

  clear(): void {
    this.#memory = NOTHING
    this.#length = 0
  }
}
