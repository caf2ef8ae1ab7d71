import type { Backend } from '../../pool/backend.js'

const FIRST_DELAY_MS = 5
const MAX_DELAY_MS = 250
/** From the first refusal. */
const MAX_TOTAL_MS = 2000
/** From the last time that a backend answered any request. */
const MAX_UNANSWERED_MS = 1000

/**
 * When a request is retried that backends refuse unprocessed (RFC 9113 section 8.7). That does no harm, so it is bounded
 * not by number but by time, and by whether other requests are answered meanwhile.
 */
export class RefusalBackoff {
  #firstMs = -1
  #delayMs = FIRST_DELAY_MS

  /**
   * The request was refused once more.
   * @param nowMs on the clock of `performance.now()`
   * @param answeredMs when a backend has last answered a request
   * @returns how long to wait before the next attempt, 0 for not at all, or -1 if there is to be none
   */
  next(nowMs: number, answeredMs: number): number {
    if (this.#firstMs < 0) {
      this.#firstMs = nowMs
      return 0
    }
    // Jitter, so that those that were refused together do not come back together.
    const delayMs = this.#delayMs * (0.5 + Math.random() / 2)
    this.#delayMs = Math.min(2 * this.#delayMs, MAX_DELAY_MS)
    const isLate = nowMs + delayMs > this.#firstMs + MAX_TOTAL_MS
    const isHopeless = nowMs > Math.max(this.#firstMs, answeredMs) + MAX_UNANSWERED_MS
    return isLate || isHopeless ? -1 : delayMs
  }
}

/** When one of them has last answered a request. */
export function lastAnsweredMs(backends: readonly Backend[], nowMs: number): number {
  let latestMs = 0
  for (const { hasAnsweredSinceTick, lastAnswerMs } of backends)
    latestMs = Math.max(latestMs, hasAnsweredSinceTick ? nowMs : lastAnswerMs)
  return latestMs
}
