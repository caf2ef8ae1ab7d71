import type { Threads } from '../../base/cells/rows.js'
import { Totals } from '../../base/cells/totals.js'

const MICROS = 1_000_000

/** A histogram of durations in seconds, with fixed buckets, as Prometheus has them. */
export class Histogram {
  readonly bounds: readonly number[]
  /** Of each bucket, and at the end of the durations, in microseconds. */
  readonly #totals: Totals

  /** @param bounds upper bounds of the buckets in seconds, ascending */
  constructor(bounds: readonly number[], threads?: Threads) {
    this.bounds = bounds
    this.#totals = new Totals(bounds.length + 2, threads)
  }

  observe(seconds: number): void {
    const { bounds } = this
    let i = 0
    while (i < bounds.length && seconds > bounds[i]!) i++
    this.#totals.add(i, 1)
    this.#totals.add(bounds.length + 1, Math.round(seconds * MICROS))
  }

  /** One count per bucket, not cumulative; the last is for what exceeds all bounds (`+Inf`). */
  get counts(): number[] {
    return Array.from({ length: this.bounds.length + 1 }, (_, bucket) => this.#totals.at(bucket))
  }

  /** Of all durations, in seconds, to a microsecond each. */
  get sum(): number {
    return this.#totals.at(this.bounds.length + 1) / MICROS
  }
}

/** Upper bounds in seconds, from what a fast backend takes to what a client waits for. */
export const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
