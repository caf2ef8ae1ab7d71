/** A connection with streams on which nothing came for so long is asked for a sign of life, and given so long for it. */
const ASK_AFTER_MS = 10_000
const PATIENCE_MS = 20_000

/** How long nothing has come of a backend that owes something. */
export class Silence {
  #hasHeard = false
  #sinceMs = 0
  #askedMs = -1

  /** Something has come. */
  heard(): void {
    this.#hasHeard = true
  }

  /**
   * Looks, now and then, whether the backend is to be asked for a sign of life, or taken for dead.
   * @param isOwing whether there are streams
   */
  check(nowMs: number, isOwing: boolean): 'fine' | 'ask' | 'dead' {
    if (this.#hasHeard || !isOwing || this.#sinceMs === 0) {
      this.#hasHeard = false
      this.#sinceMs = nowMs
      this.#askedMs = -1
      return 'fine'
    }
    if (this.#askedMs >= 0) return nowMs - this.#askedMs >= PATIENCE_MS ? 'dead' : 'fine'
    if (nowMs - this.#sinceMs < ASK_AFTER_MS) return 'fine'
    this.#askedMs = nowMs
    return 'ask'
  }
}
