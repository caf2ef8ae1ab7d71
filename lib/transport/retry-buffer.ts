/** The part of a request's body that was sent, for a retry, unless it exceeds a limit. */
export class RetryBuffer {
  /** Whether it has all that was sent. */
  isComplete = true
  /** Whether the body has ended. */
  isEnded = false
  readonly #limitBytes: number
  #chunks: Buffer[] = []
  #bytes = 0

  /** @param limitBytes above which everything is discarded */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Whether an attempt has sent a part of the body. */
  get hasStarted(): boolean {
    return this.#chunks.length > 0 || this.isEnded
  }

  get chunks(): readonly Buffer[] {
    return this.#chunks
  }

  /** Adds a copy of what was sent. */
  add(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#limitBytes) {
      this.discard()
    } else {
      // The chunk itself would keep the whole buffer of its read alive.
      this.#chunks.push(Buffer.from(chunk))
    }
  }

  /** Discards everything: the body will not be sent again. */
  discard(): void {
    this.isComplete = false
    this.#bytes = this.#limitBytes
    this.#chunks = []
  }
}
