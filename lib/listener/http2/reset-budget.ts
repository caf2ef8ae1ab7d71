/**
 * How often a client may have its streams reset before it is taken for an attacker: so many at once, and so many a
 * second in the long run. What it resets by itself Node counts in all versions, but what it provokes only from 22 on
 * (CVE-2025-8671).
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

  /** Takes one. Returns whether there was one left. */
  spend(nowMs: number): boolean {
    this.#left = Math.min(this.#burst, this.#left + (nowMs - this.#filledMs) * this.#perMs)
    this.#filledMs = nowMs
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
