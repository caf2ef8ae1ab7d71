import type { Backend } from '../../pool/backend.js'

const FIRST_DELAY_MS = 5
const LONGEST_DELAY_MS = 250
/** In all, from the first refusal. */
const PATIENCE_MS = 2000
/** Without any request that got through. */
const HOPE_MS = 1000

/**
 * When a request that a backend has not looked at is tried again (RFC 9113 section 8.7). That does no harm, so it is bounded
 * not by number but by time, and by whether others get through meanwhile.
 */
export class Refusals {
  #firstMs = -1
  #delayMs = FIRST_DELAY_MS

  /**
   * It was refused again.
   * @param nowMs on the clock of `performance.now()`
   * @param answeredMs when a backend has last answered a request
   * @returns how long to wait before the next try, 0 for not at all, or -1 if there is to be none
   */
  next(nowMs: number, answeredMs: number): number {
    if (this.#firstMs < 0) {
      this.#firstMs = nowMs
      return 0
    }
    // Half of it by chance, so that those that were refused together do not come back together.
    const delayMs = this.#delayMs * (0.5 + Math.random() / 2)
    this.#delayMs = Math.min(2 * this.#delayMs, LONGEST_DELAY_MS)
    const isLate = nowMs + delayMs > this.#firstMs + PATIENCE_MS
    const isHopeless = nowMs > Math.max(this.#firstMs, answeredMs) + HOPE_MS
    return isLate || isHopeless ? -1 : delayMs
  }
}

/** When any of them has last answered a request. */
export function lastAnsweredMs(backends: readonly Backend[], nowMs: number): number {
  let latestMs = 0
  for (const { hasAnsweredSincePulse, lastAnswerMs } of backends)
    latestMs = Math.max(latestMs, hasAnsweredSincePulse ? nowMs : lastAnswerMs)
  return latestMs
}
