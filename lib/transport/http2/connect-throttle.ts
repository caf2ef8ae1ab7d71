/** Connections being opened at once: initially, and at most, after successful ones. */
const INITIAL_CONCURRENT = 4
const MAX_CONCURRENT = 16
/** Pause after two failures in a row; it doubles with each further one. */
const INITIAL_PAUSE_MS = 50
const MAX_PAUSE_MS = 250
/** Random share that is added to a pause, so that many balancers do not reconnect at once. */
const JITTER = 0.5

/**
 * Limits how fast connections to a backend are opened: few at a time, with exponential backoff while they accept no
 * request.
 */
export class ConnectThrottle {
  #maxConcurrent = INITIAL_CONCURRENT
  #failures = 0
  #resumeMs = Number.NEGATIVE_INFINITY

  /** How many may be opening at once. */
  get maxConcurrent(): number {
    return this.#maxConcurrent
  }

  /** Whether none may be opened at `nowMs`, on the clock of `performance.now()`. */
  isPaused(nowMs: number): boolean {
    return nowMs < this.#resumeMs
  }

  /** A connection is being opened. After a failure there is a pause in any case, as the next one may show late. */
  onConnect(nowMs: number): void {
    if (this.#failures > 0) this.#resumeMs = Math.max(this.#resumeMs, nowMs + INITIAL_PAUSE_MS)
  }

  /** A connection has answered a request. */
  onSuccess(): void {
    this.#failures = 0
    this.#resumeMs = Number.NEGATIVE_INFINITY
    if (this.#maxConcurrent < MAX_CONCURRENT) this.#maxConcurrent++
  }

  /** A connection has accepted none of its requests. */
  onFailure(nowMs: number): void {
    this.#maxConcurrent = 1
    // A single failure may be a server that restarts.
    if (++this.#failures === 1) return
    const pauseMs = Math.min(INITIAL_PAUSE_MS * 2 ** (this.#failures - 2), MAX_PAUSE_MS)
    this.#resumeMs = Math.max(this.#resumeMs, nowMs + pauseMs * (1 + JITTER * Math.random()))
  }
}
