/**
 * Limits how often a client may provoke resets of its streams, as a token bucket (CVE-2025-8671, "MadeYouReset"). Node
 * itself counts those that the client sends, and from version 22 on these as well.
 */
export class ResetBudget {
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
  spend(nowMs: number): boolean {
    this.#left = Math.min(this.#burst, this.#left + (nowMs - this.#filledMs) * this.#perMs)
    this.#filledMs = nowMs
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
