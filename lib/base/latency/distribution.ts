import { BUCKETS, microsOf } from './buckets.js'

/** How often there was a latency of each bucket, added up of several places. */
export class Distribution {
  /** Of all buckets together. */
  count = 0
  readonly #counts = new Uint32Array(BUCKETS)

  clear(): void {
    this.count = 0
    this.#counts.fill(0)
  }

  /** Adds the counts that stand in `cells` from `first` on. */
  add(cells: Int32Array, first: number): void {
    const counts = this.#counts
    let sum = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = cells[first + bucket]!
      counts[bucket]! += count
      sum += count
    }
    this.count += sum
  }

  /** Takes what was there the last time out, and leaves all that is there now in its place. Counts may wrap at 2^32. */
  takeFrom(before: Uint32Array): void {
    const counts = this.#counts
    let sum = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const now = counts[bucket]!
      const added = (now - before[bucket]!) >>> 0
      before[bucket] = now
      counts[bucket] = added
      sum += added
    }
    this.count = sum
  }

  /** A quantile in milliseconds, such as that of 99 percent; 0 if there is nothing. */
  quantileMs(percent: number): number {
    const wanted = Math.ceil((this.count * percent) / 100)
    const counts = this.#counts
    let sum = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      sum += counts[bucket]!
      if (sum >= wanted && sum > 0) return microsOf(bucket) / 1000
    }
    return 0
  }
}
