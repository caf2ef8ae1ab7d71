/** The body of a request as far as it was sent, kept to send it a second time, unless it grows too large. */
export class RetryBuffer {
  /** Whether all that was sent is still here. */
  isComplete = true
  /** Whether the body has come to its end. */
  isEnded = false
  readonly #limitBytes: number
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Whether an attempt has left something to send again. */
  get hasStarted(): boolean {
    return this.#chunks.length > 0 || this.isEnded
  }

  get chunks(): readonly Buffer[] {
    return this.#chunks
  }

  add(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#limitBytes) {
      this.discard()
    } else {
      // A copy: the chunk would hold all that was read with it.
      this.#chunks.push(Buffer.from(chunk))
    }
  }

  /** It will not be sent a second time. */
  discard(): void {
    this.isComplete = false
    this.#bytes = this.#limitBytes
    this.#chunks = []
  }
}
