/** How long an idle connection is kept if neither the backend nor anybody else says. */
const DEFAULT_MS = 4000
/** How much sooner than the backend it is closed, which may have begun to count sooner. */
const MARGIN_MS = 2000
const MAX_MS = 600_000

/** Closings at one moment are those of a process that ends, and count once. */
const BURST_MS = 100
/** Closings after the same time, at so many moments, that teach it. */
const TAUGHT_BY = 3
/** What counts as the same time, and how much sooner a connection is then closed here. */
const TOLERANCE = 0.1
const LEARNED_SHARE = 0.8
/** Where a backend closes sooner than this, to connect anew each time would cost more than a request that is sent again. */
const SHORTEST_MS = 500
/** Then it is found out anew, as the backend may have been set up otherwise. */
const FORGET_MS = 600_000

/** How long connections to one backend may be idle: as it says itself, and as its closings have taught. */
export class IdleTimeout {
  readonly #defaultMs: number
  #learnedMs = Number.POSITIVE_INFINITY
  #forgetMs = 0
  #closedAfterMs = 0
  #closedAtMs = Number.NEGATIVE_INFINITY
  #closings = 0

  /** @param defaultMs if the backend does not say */
  constructor(defaultMs = DEFAULT_MS) {
    this.#defaultMs = defaultMs
  }

  /**
   * For how long a connection may be idle from `nowMs` on; 0 or less for not at all.
   * @param saidSeconds what the backend said in `Keep-Alive`, or -1
   */
  limitMs(saidSeconds: number, nowMs: number): number {
    const saidMs = saidSeconds < 0 ? this.#defaultMs : Math.min(saidSeconds * 1000 - MARGIN_MS, MAX_MS)
    return nowMs < this.#forgetMs ? Math.min(saidMs, this.#learnedMs) : saidMs
  }

  /** The backend has closed a connection that was idle for `idleMs`. */
  onClosed(idleMs: number, nowMs: number): void {
    const isBurst = nowMs - this.#closedAtMs < BURST_MS
    this.#closedAtMs = nowMs
    if (isBurst || idleMs < SHORTEST_MS) return
    const isSame = Math.abs(idleMs - this.#closedAfterMs) <= TOLERANCE * this.#closedAfterMs
    this.#closings = isSame ? this.#closings + 1 : 1
    this.#closedAfterMs = isSame ? Math.min(idleMs, this.#closedAfterMs) : idleMs
    if (this.#closings < TAUGHT_BY) return
    this.#learnedMs = LEARNED_SHARE * this.#closedAfterMs
    this.#forgetMs = nowMs + FORGET_MS
  }

  /** A connection that was idle for `idleMs` has carried another request. */
  onReused(idleMs: number): void {
    if (idleMs > this.#closedAfterMs * (1 + TOLERANCE)) this.#closings = 0
  }
}
