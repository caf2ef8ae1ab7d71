import { Totals } from '../cells/totals.js'

const MICROS = 1_000_000

/** A histogram of durations in seconds, with fixed buckets, as Prometheus has them. */
export class Histogram {
  readonly bounds: readonly number[]
  readonly #totals: Totals
  readonly #first: number

  /**
   * @param bounds upper bounds of the buckets in seconds, ascending
   * @param totals of which it takes `histogramTotals(bounds)`, from the one at `first` on
   */
  constructor(bounds: readonly number[], totals = new Totals(histogramTotals(bounds)), first = 0) {
    this.bounds = bounds
    this.#totals = totals
    this.#first = first
  }

  observe(seconds: number): void {
    const { bounds } = this
    let i = 0
    while (i < bounds.length && seconds > bounds[i]!) i++
    this.#totals.add(this.#first + i, 1)
    this.#totals.add(this.#first + bounds.length + 1, Math.round(seconds * MICROS))
  }

  /** One count per bucket, not cumulative; the last is for what exceeds all bounds (`+Inf`). */
  get counts(): number[] {
    return Array.from({ length: this.bounds.length + 1 }, (_, bucket) =>
      this.#totals.at(this.#first + bucket)
    )
  }

  /** Of all durations, in seconds, to a microsecond each. */
  get sum(): number {
    return this.#totals.at(this.#first + this.bounds.length + 1) / MICROS
  }
}

/** How many totals a histogram takes: one for each bucket, and one for the sum. */
export function histogramTotals(bounds: readonly number[]): number {
  return bounds.length + 2
}
