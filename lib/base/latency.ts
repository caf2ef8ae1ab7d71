import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

const SLICES = 6
const SLICE_MS = 10_000
const OPTIONS = { lowest: 1, highest: 3_600_000_000, figures: 2 } as const

/** What slices are merged in to be read at once: to make a histogram takes ten times as long as to add to one. */
let merged: RecordableHistogram | undefined

/** Latencies of the last minute. */
export interface LatencySummary {
  readonly windowSeconds: number
  readonly count: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Latencies since the previous call. */
export interface RecentLatency {
  /** Null if there were none. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

/**
 * Quantiles of the latencies of the last minute, accurate to 1 %, from a ring of histograms of ten seconds each. The
 * histograms are native (`node:perf_hooks`) and of one thread; they are merged when they are read.
 */
export class LatencyWindow {
  /** Each takes 26 KB, and is made when there is something to record. */
  readonly #slices: (RecordableHistogram | undefined)[] = []
  /** Latencies that are in no slice yet: each is recorded once. */
  #newest: RecordableHistogram | undefined
  /** Latencies since the last `takeRecent()` that are in a slice already. */
  #recent: RecordableHistogram | undefined
  readonly #now: () => number
  #slice: number

  /** @param now a monotonic clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#slice = Math.floor(now() / SLICE_MS)
  }

  /** Records a request that took `durationMs` and ended at `nowMs`. */
  record(durationMs: number, nowMs: number): void {
    if (nowMs >= (this.#slice + 1) * SLICE_MS) this.#advance(nowMs)
    const micros = Math.round(durationMs * 1000)
    this.#newest ??= createHistogram(OPTIONS)
    this.#newest.record(Math.min(Math.max(micros, OPTIONS.lowest), OPTIONS.highest))
  }

  /** A quantile in milliseconds, such as that of 99 percent; 0 without requests. */
  quantileMs(percent: number): number {
    const all = this.#merged()
    return all ? all.percentile(percent) / 1000 : 0
  }

  /** The latencies of the window. */
  summary(): LatencySummary {
    const all = this.#merged()
    const quantile = (percent: number) => (all ? all.percentile(percent) / 1000 : 0)
    return {
      windowSeconds: (SLICES * SLICE_MS) / 1000,
      count: all?.count ?? 0,
      p50Ms: quantile(50),
      p90Ms: quantile(90),
      p99Ms: quantile(99),
      maxMs: all ? all.max / 1000 : 0
    }
  }

  /** The latencies since the previous call. */
  takeRecent(): RecentLatency {
    this.#settle()
    const recent = this.#recent
    if (!recent?.count) return { p50Ms: null, p99Ms: null }
    const taken = { p50Ms: recent.percentile(50) / 1000, p99Ms: recent.percentile(99) / 1000 }
    recent.reset()
    return taken
  }

  /** All latencies of the window, until another is read; undefined without any. */
  #merged(): RecordableHistogram | undefined {
    this.#advance(this.#now())
    const used = this.#slices.filter((slice) => slice?.count)
    if (used.length === 0) return undefined
    merged ??= createHistogram(OPTIONS)
    merged.reset()
    for (const slice of used) merged.add(slice!)
    return merged
  }

  #settle(): void {
    const newest = this.#newest
    if (!newest?.count) return
    const index = this.#slice % SLICES
    this.#slices[index] ??= createHistogram(OPTIONS)
    this.#slices[index].add(newest)
    this.#recent ??= createHistogram(OPTIONS)
    this.#recent.add(newest)
    newest.reset()
  }

  #advance(nowMs: number): void {
    this.#settle()
    const slice = Math.floor(nowMs / SLICE_MS)
    for (let steps = Math.min(slice - this.#slice, SLICES); steps > 0; steps--)
      this.#slices[(slice - steps + 1) % SLICES]?.reset()
    this.#slice = slice
  }
}
