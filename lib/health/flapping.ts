const WINDOW_MS = 60_000
/** Where checks are rare, it takes longer to see that a backend is back and out again. */
const WINDOW_PERIODS = 12
const FALLS = 3
const MAX_LEVEL = 6
/** At a check a second, what a backend may at most have to show takes about a minute. */
const MAX_PASSES = 60

/**
 * How far a backend that goes out again and again is held back. The third fall within the window doubles the passes in a
 * row that bring it back, and so does each further one; each window without a fall halves them again.
 *
 * BGP's damping (RFC 2439) is of this kind, with a penalty that decays, and so are Envoy's ejections, which last longer
 * with each one. Counting passes instead of time has a backend that is well again wait for no longer than it takes to
 * show that.
 */
export class Flapping {
  readonly #now: () => number
  readonly #windowMs: number
  /** Of those within the window, the latest ones. */
  #falls: number[] = []
  #level = 0

  /** @param periodMs between two checks of the backend */
  constructor(periodMs: number, now: () => number) {
    this.#now = now
    this.#windowMs = Math.max(WINDOW_MS, WINDOW_PERIODS * periodMs)
  }

  /** A healthy backend has gone out. */
  recordFall(): void {
    const nowMs = this.#now()
    const level = this.#levelAt(nowMs)
    this.#falls = [...this.#falls.filter((atMs) => nowMs - atMs < this.#windowMs), nowMs].slice(-FALLS)
    const isFlapping = level > 0 || this.#falls.length === FALLS
    this.#level = isFlapping ? Math.min(level + 1, MAX_LEVEL) : 0
  }

  /** Passes in a row that bring it back, where `rise` do for others. */
  passesNeeded(rise: number): number {
    return Math.min(rise * 2 ** this.#levelAt(this.#now()), Math.max(rise, MAX_PASSES))
  }

  #levelAt(nowMs: number): number {
    const lastMs = this.#falls.at(-1) ?? nowMs
    return Math.max(0, this.#level - Math.floor((nowMs - lastMs) / this.#windowMs))
  }
}
