/** A connection with streams on which nothing came for so long is asked for a sign of life, and given so long for it. */
const ASK_AFTER_MS = 10_000
const PATIENCE_MS = 20_000
/**
 * Asked more often than every 5 minutes, and without anything to answer between, servers of gRPC close the connection
 * (gRPC proposal A8): a stream may be silent for long.
 */
const ASK_AGAIN_MS = 310_000

/** How long nothing has come of a backend that owes something. */
export class Keepalive {
  #hasHeard = false
  #sinceMs = 0
  #askedMs = -1
  /** When it was last asked, unless something of a request or a response has passed since. */
  #lastAskedMs = Number.NEGATIVE_INFINITY

  /** Something has come. */
  onReceived(): void {
    this.#hasHeard = true
  }

  /** A request is sent, or something of a response has come. */
  onStreamActivity(): void {
    this.#lastAskedMs = Number.NEGATIVE_INFINITY
  }

  /**
   * Looks, now and then, whether the backend is to be asked for a sign of life, or taken for dead.
   * @param isOwing whether there are streams
   */
  check(nowMs: number, isOwing: boolean): 'alive' | 'ping' | 'dead' {
    if (this.#hasHeard || !isOwing || this.#sinceMs === 0) {
      this.#hasHeard = false
      this.#sinceMs = nowMs
      this.#askedMs = -1
      return 'alive'
    }
    if (this.#askedMs >= 0) return nowMs - this.#askedMs >= PATIENCE_MS ? 'dead' : 'alive'
    if (nowMs - this.#sinceMs < ASK_AFTER_MS || nowMs - this.#lastAskedMs < ASK_AGAIN_MS) return 'alive'
    this.#askedMs = this.#lastAskedMs = nowMs
    return 'ping'
  }
}
