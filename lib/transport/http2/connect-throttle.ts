/** Connections in the making at once: at first, and while those made before have taken requests. */
const FIRST_AT_ONCE = 4
const MOST_AT_ONCE = 16
/** Before the next connection, once two in a row have taken nothing; twice as long each time. */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 250
/** By how much a pause may be longer, so that many balancers do not come at once. */
const JITTER = 0.5

/** How fast connections to one backend are made: a crowd is spread over few at a time, and a backend that takes nothing is spared. */
export class ConnectThrottle {
  #atOnce = FIRST_AT_ONCE
  #useless = 0
  #resumeMs = Number.NEGATIVE_INFINITY

  /** How many may be in the making. */
  get maxConcurrent(): number {
    return this.#atOnce
  }

  /** Whether none may be made at `nowMs`, on the clock of `performance.now()`. */
  isPaused(nowMs: number): boolean {
    return nowMs < this.#resumeMs
  }

  /** A connection is made. In doubt there is a pause behind it in any case, as it may show late that it is useless. */
  onConnect(nowMs: number): void {
    if (this.#useless > 0) this.#resumeMs = Math.max(this.#resumeMs, nowMs + FIRST_PAUSE_MS)
  }

  /** A connection has answered a request. */
  onSuccess(): void {
    this.#useless = 0
    this.#resumeMs = Number.NEGATIVE_INFINITY
    if (this.#atOnce < MOST_AT_ONCE) this.#atOnce++
  }

  /** A connection has taken no request, though there were some. */
  onFailure(nowMs: number): void {
    this.#atOnce = 1
    // One alone may have met a server that restarts.
    if (++this.#useless === 1) return
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (this.#useless - 2), LONGEST_PAUSE_MS)
    this.#resumeMs = Math.max(this.#resumeMs, nowMs + pauseMs * (1 + JITTER * Math.random()))
  }
}
