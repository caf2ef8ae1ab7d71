/** How often something may happen, as a token bucket. */
export class FrameBudget {
  readonly #burst: number
  readonly #perMs: number
  #left: number
  #filledMs: number

  constructor(burst: number, perSecond: number, nowMs: number) {
    this.#burst = burst
    this.#perMs = perSecond / 1000
    this.#left = burst
    this.#filledMs = nowMs
  }

  /** Spends a token. Returns whether there was one. */
  spend(): boolean {
    if (this.#left < 1) this.#fill()
    if (this.#left < 1) return false
    this.#left--
    return true
  }

  /** Adds tokens that were earned. */
  add(tokens: number): void {
    this.#left = Math.min(this.#burst, this.#left + tokens)
  }

  #fill(): void {
    const nowMs = performance.now()
    this.#left = Math.min(this.#burst, this.#left + (nowMs - this.#filledMs) * this.#perMs)
    this.#filledMs = nowMs
  }
}
