/**
 * What has come over a connection and was not taken yet, as one buffer. It grows by as much as it holds: to put all bytes
 * together anew with each part of a large message takes most of the time of the test.
 */
export class ReceivedBytes {
  #memory: Buffer = Buffer.alloc(0)
  #start = 0
  #end = 0

  /** Of all that is there; it stays as it is when more comes. */
  get all(): Buffer {
    return this.#memory.subarray(this.#start, this.#end)
  }

  /** @returns all that is there with it */
  add(more: Buffer): Buffer {
    if (this.#start === this.#end) {
      this.#memory = more
      this.#start = 0
      this.#end = more.length
      return more
    }
    if (this.#memory.length - this.#end < more.length) {
      const held = this.all
      this.#memory = Buffer.allocUnsafe(2 * (held.length + more.length))
      held.copy(this.#memory)
      this.#start = 0
      this.#end = held.length
    }
    more.copy(this.#memory, this.#end)
    this.#end += more.length
    return this.all
  }

  /** Takes so many bytes from the front. */
  take(size: number): void {
    this.#start += size
  }
}
