/** The part of a request's body that was sent, for a retry, unless it exceeds a limit. */
export class RetryBuffer {
  /** Whether it has all that was sent. */
  isComplete = true
  /** Whether the body has ended. */
  isEnded = false
  readonly #limitBytes: number
  readonly #isShared: boolean
  #chunks: Buffer[] = []
  #bytes = 0

  /**
   * @param limitBytes above which everything is discarded
   * @param isShared whether somebody else sends the body as well, so that it is kept although nobody retries it
   */
  constructor(limitBytes: number, isShared = false) {
    this.#limitBytes = limitBytes
    this.#isShared = isShared
  }

  /** Whether an attempt has sent a part of the body. */
  get hasStarted(): boolean {
    return this.#chunks.length > 0 || this.isEnded
  }

  get chunks(): readonly Buffer[] {
    return this.#chunks
  }

  /** Of all that was sent, up to the limit. */
  get bytes(): number {
    return this.#bytes
  }

  /** Adds a copy of what was sent. */
  add(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#limitBytes) {
      this.#drop()
    } else {
      // The chunk itself would keep the whole buffer of its read alive.
      this.#chunks.push(Buffer.from(chunk))
    }
  }

  /** Discards everything: the body will not be sent again. */
  discard(): void {
    if (!this.#isShared) this.#drop()
  }

  #drop(): void {
    this.isComplete = false
    this.#bytes = this.#limitBytes
    this.#chunks = []
  }
}
