/** A histogram of durations in seconds, with fixed buckets, as Prometheus has them. */
export class Histogram {
  readonly bounds: readonly number[]
  /** One count per bucket, not cumulative; the last is for what exceeds all bounds (`+Inf`). */
  readonly counts: Float64Array
  sum = 0

  /** @param bounds upper bounds of the buckets in seconds, ascending */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(seconds: number): void {
    const { bounds, counts } = this
    let i = 0
    while (i < bounds.length && seconds > bounds[i]!) i++
    counts[i]!++
    this.sum += seconds
  }
}

/** Upper bounds in seconds, from what a fast backend takes to what a client waits for. */
export const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
