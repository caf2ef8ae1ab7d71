/** Timeout of an idle connection if the backend does not announce one. */
const DEFAULT_MS = 4000
/** How much sooner than announced a connection is closed: the backend may have started its timer earlier. */
const MARGIN_MS = 2000
const MAX_MS = 600_000

/** Connections closed within this time, as by a process that exits, count once. */
const BURST_MS = 100
/** Closes after the same idle time from which it is learned. */
const MIN_CLOSES = 3
/** Tolerance of "the same" time, and the share of it that is used here. */
const TOLERANCE = 0.1
const LEARNED_SHARE = 0.8
/** Shorter times are not learned: reconnecting each time would cost more than an occasional retry. */
const SHORTEST_MS = 500
/** After this time it is learned again: the backend's configuration may have changed. */
const FORGET_MS = 600_000

/** How long connections to a backend may be idle: as it announces, or as learned from when it closes them. */
export class IdleTimeout {
  readonly #defaultMs: number
  #learnedMs = Number.POSITIVE_INFINITY
  #forgetMs = 0
  #closedAfterMs = 0
  #closedAtMs = Number.NEGATIVE_INFINITY
  #closings = 0

  /** @param defaultMs if the backend announces none */
  constructor(defaultMs = DEFAULT_MS) {
    this.#defaultMs = defaultMs
  }

  /**
   * How long a connection may be idle from `nowMs` on; 0 or less: it must not be reused.
   * @param announcedSeconds the timeout in the backend's `Keep-Alive` field, or -1
   */
  limitMs(announcedSeconds: number, nowMs: number): number {
    const announcedMs =
      announcedSeconds < 0 ? this.#defaultMs : Math.min(announcedSeconds * 1000 - MARGIN_MS, MAX_MS)
    return nowMs < this.#forgetMs ? Math.min(announcedMs, this.#learnedMs) : announcedMs
  }

  /** The backend closed a connection that was idle for `idleMs`. */
  onClosed(idleMs: number, nowMs: number): void {
    const isBurst = nowMs - this.#closedAtMs < BURST_MS
    this.#closedAtMs = nowMs
    if (isBurst || idleMs < SHORTEST_MS) return
    const isSame = Math.abs(idleMs - this.#closedAfterMs) <= TOLERANCE * this.#closedAfterMs
    this.#closings = isSame ? this.#closings + 1 : 1
    this.#closedAfterMs = isSame ? Math.min(idleMs, this.#closedAfterMs) : idleMs
    if (this.#closings < MIN_CLOSES) return
    this.#learnedMs = LEARNED_SHARE * this.#closedAfterMs
    this.#forgetMs = nowMs + FORGET_MS
  }

  /** A connection that was idle for `idleMs` was reused with success. */
  onReused(idleMs: number): void {
    if (idleMs > this.#closedAfterMs * (1 + TOLERANCE)) this.#closings = 0
  }
}
