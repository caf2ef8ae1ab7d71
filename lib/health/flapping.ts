const WINDOW_MS = 60_000
/** With rare checks it takes longer to see that a backend came back and failed again. */
const WINDOW_PERIODS = 12
const FALLS = 3
const MAX_LEVEL = 6
/** At one check a second, so many passes take about a minute. */
const MAX_PASSES = 60

/**
 * Damping of a backend that flaps, that is, turns unhealthy again and again. The third fall within the window doubles the
 * consecutive passes that bring it back, and so does each further one; each window without a fall halves them again.
 *
 * BGP's route flap damping (RFC 2439) works alike, with a penalty that decays, and so do Envoy's ejections, each of which
 * lasts longer. As passes are counted instead of time, a backend that has recovered waits no longer than it takes to show
 * that.
 */
export class Flapping {
  readonly #now: () => number
  readonly #windowMs: number
  /** Times of the latest falls within the window. */
  #falls: number[] = []
  #level = 0

  /** @param periodMs between two checks of the backend */
  constructor(periodMs: number, now: () => number) {
    this.#now = now
    this.#windowMs = Math.max(WINDOW_MS, WINDOW_PERIODS * periodMs)
  }

  /** To be called when the backend turns unhealthy. */
  recordFall(): void {
    const nowMs = this.#now()
    const level = this.#levelAt(nowMs)
    this.#falls = [...this.#falls.filter((atMs) => nowMs - atMs < this.#windowMs), nowMs].slice(-FALLS)
    const isFlapping = level > 0 || this.#falls.length === FALLS
    this.#level = isFlapping ? Math.min(level + 1, MAX_LEVEL) : 0
  }

  /** Consecutive passes that bring it back, where `rise` are enough for others. */
  passesNeeded(rise: number): number {
    return Math.min(rise * 2 ** this.#levelAt(this.#now()), Math.max(rise, MAX_PASSES))
  }

  #levelAt(nowMs: number): number {
    const lastMs = this.#falls.at(-1) ?? nowMs
    return Math.max(0, this.#level - Math.floor((nowMs - lastMs) / this.#windowMs))
  }
}
