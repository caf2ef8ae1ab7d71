const TICK_MS = 100
const STALL_MS = 1000

/** Detects when the system did not schedule this process: its measurements are then meaningless. */
export class StallWatch {
  readonly #timer: NodeJS.Timeout
  #lastMs = performance.now()
  #longestMs = 0

  constructor() {
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** Stops watching. Returns the longest time for which this process did not run, or 0 if it was short. */
  stop(): number {
    this.#tick()
    clearInterval(this.#timer)
    return this.#longestMs
  }

  #tick(): void {
    const nowMs = performance.now()
    const stalledMs = nowMs - this.#lastMs - TICK_MS
    if (stalledMs >= STALL_MS) this.#longestMs = Math.max(this.#longestMs, stalledMs)
    this.#lastMs = nowMs
  }
}
