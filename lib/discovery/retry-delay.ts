const FIRST_MS = 250
const LONGEST_MS = 30_000

/** How long to wait before something that failed is tried again: longer each time, and never for two alike. */
export class RetryDelay {
  readonly #longestMs: number
  readonly #random: () => number
  #nextMs = FIRST_MS

  constructor(longestMs = LONGEST_MS, random: () => number = Math.random) {
    this.#longestMs = longestMs
    this.#random = random
  }

  /** It did not fail. */
  reset(): void {
    this.#nextMs = FIRST_MS
  }

  /** Milliseconds until the next try, after one more that failed. */
  next(): number {
    const delayMs = Math.min(this.#nextMs, this.#longestMs)
    this.#nextMs = delayMs * 2
    return delayMs * (0.5 + this.#random() / 2)
  }
}
