import type { Histogram } from '../../base/latency/histogram.js'
import type { RequestMeasures } from '../../pool/request-measures.js'
import type { ShownPool } from '../shown-pool.js'

/** One line of a metric. */
export interface Sample {
  readonly value: number
  readonly labels?: Readonly<Record<string, string | number>>
  /** Where a metric has lines of several names. */
  readonly metricName?: string
}

/** How many requests ended how, of those that a backend answered, or that none did. */
export function countsOf(measures: RequestMeasures, labels: Record<string, string>): Sample[] {
  return [...measures.counts()].map(({ method, code, count }) => ({
    labels: { ...labels, method, code },
    value: count
  }))
}

/** Of a number of each pool. */
export function sumOf(pools: readonly ShownPool[], read: (pool: ShownPool) => number): number {
  return pools.reduce((sum, pool) => sum + read(pool), 0)
}

/** The samples of a histogram, whose buckets are cumulative. */
export function samplesOf(
  name: string,
  { bounds, counts, sum }: Histogram,
  labels: Record<string, string>
): Sample[] {
  let count = 0
  const buckets = Array.from(counts, (own, index) => {
    count += own
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[index] ?? '+Inf' }, value: count }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count }
  ]
}
