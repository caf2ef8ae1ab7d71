import { ONE_THREAD, type Threads } from '../cells/rows.js'
import type { SharedCells } from '../cells/shared-cells.js'
import { THREAD_ORIGIN_MS } from '../clock.js'
import { BUCKETS, bucketOf, MAX_MICROS } from './buckets.js'
import { Distribution } from './distribution.js'

const SLICES = 6
const SLICE_MS = 10_000
/** Cells of a slice before its buckets: which one it is, counted from 1, and the longest latency in it. */
const NUMBER = 0
const LONGEST = 1
const HEAD_CELLS = 2
const SLICE_CELLS = HEAD_CELLS + BUCKETS
/** Of each thread: the slices, and one for all latencies that there have ever been. */
const THREAD_CELLS = (SLICES + 1) * SLICE_CELLS

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

/** The cells that the window of so many threads takes. */
export const latencyCells = ({ count }: Threads) => count * THREAD_CELLS

/** What slices are added up in to be read at once. */
const merged = new Distribution()

/**
 * Quantiles of the latencies of the last minute, accurate to 1 %, from a ring of slices of ten seconds each. Each thread
 * records in slices of its own, and whoever reads adds them up.
 */
export class LatencyWindow {
  /** 48 KB for each thread; made when there is something to record unless they are given. */
  #cells: Int32Array | undefined
  readonly #threads: Threads
  readonly #now: () => number
  /** What is added to the times of this thread, so that all threads have the same. */
  readonly #originMs: number
  /** When the slice ends that is recorded in, and where its cells begin. */
  #endMs = Number.NEGATIVE_INFINITY
  #slice = 0
  /** How often each bucket had been counted at the last `takeRecent()`. */
  #taken: Uint32Array | undefined

  /**
   * @param now a clock in milliseconds
   * @param cells of zeros at first, `latencyCells` of them
   * @param originMs of the clock, where threads have one each
   */
  constructor(
    now: () => number = () => performance.now(),
    threads = ONE_THREAD,
    cells?: Int32Array,
    originMs = 0
  ) {
    this.#now = now
    this.#originMs = originMs
    this.#threads = threads
    this.#cells = cells
  }

  /** One whose cells have a name. */
  static in(shared: SharedCells, name: string): LatencyWindow {
    const { threads } = shared
    if (threads.count === 1) return new LatencyWindow()
    const cells = shared.named(name, latencyCells(threads))
    return new LatencyWindow(undefined, threads, cells, THREAD_ORIGIN_MS)
  }

  /** Records a request that took `durationMs` and ended at `nowMs`. */
  record(durationMs: number, nowMs: number): void {
    this.#cells ??= new Int32Array(latencyCells(this.#threads))
    const cells = this.#cells
    if (nowMs >= this.#endMs) this.#begin(cells, nowMs)
    const micros = Math.min(Math.max(Math.round(durationMs * 1000), 1), MAX_MICROS)
    const bucket = HEAD_CELLS + bucketOf(micros)
    // Nobody else writes to these.
    cells[this.#slice + bucket]!++
    cells[this.#first + SLICES * SLICE_CELLS + bucket]!++
    const longest = this.#slice + LONGEST
    if (micros > cells[longest]! >>> 0) cells[longest] = micros
  }

  /** A quantile in milliseconds, such as that of 99 percent; 0 without requests. */
  quantileMs(percent: number): number {
    this.#merge()
    return merged.quantileMs(percent)
  }

  /** The latencies of the window. */
  summary(): LatencySummary {
    const maxMs = this.#merge() / 1000
    // The middle of a bucket may be above what is in it.
    const quantileMs = (percent: number) => Math.min(merged.quantileMs(percent), maxMs)
    return {
      windowSeconds: (SLICES * SLICE_MS) / 1000,
      count: merged.count,
      p50Ms: quantileMs(50),
      p90Ms: quantileMs(90),
      p99Ms: quantileMs(99),
      maxMs
    }
  }

  /** The latencies since the previous call. */
  takeRecent(): RecentLatency {
    const cells = this.#cells
    merged.clear()
    if (cells) {
      for (let first = 0; first < cells.length; first += THREAD_CELLS)
        merged.add(cells, first + SLICES * SLICE_CELLS + HEAD_CELLS)
      this.#taken ??= new Uint32Array(BUCKETS)
      merged.takeFrom(this.#taken)
    }
    if (merged.count === 0) return { p50Ms: null, p99Ms: null }
    return { p50Ms: merged.quantileMs(50), p99Ms: merged.quantileMs(99) }
  }

  /** The first cell of this thread. */
  get #first(): number {
    return this.#threads.own * THREAD_CELLS
  }

  #begin(cells: Int32Array, nowMs: number): void {
    const number = Math.floor((nowMs + this.#originMs) / SLICE_MS)
    this.#endMs = (number + 1) * SLICE_MS - this.#originMs
    this.#slice = this.#first + (number % SLICES) * SLICE_CELLS
    // Another thread may be reading it: it is none while it is cleared.
    Atomics.store(cells, this.#slice + NUMBER, 0)
    cells.fill(0, this.#slice + LONGEST, this.#slice + SLICE_CELLS)
    Atomics.store(cells, this.#slice + NUMBER, number + 1)
  }

  /** Adds up all slices of the last minute. Returns the longest latency in them, in microseconds. */
  #merge(): number {
    const cells = this.#cells
    merged.clear()
    if (!cells) return 0
    const newest = Math.floor((this.#now() + this.#originMs) / SLICE_MS) + 1
    let longestMicros = 0
    for (let first = 0; first < cells.length; first += THREAD_CELLS)
      for (let slice = first; slice < first + SLICES * SLICE_CELLS; slice += SLICE_CELLS) {
        const number = Atomics.load(cells, slice + NUMBER)
        if (number === 0 || number <= newest - SLICES) continue
        merged.add(cells, slice + HEAD_CELLS)
        longestMicros = Math.max(longestMicros, cells[slice + LONGEST]! >>> 0)
      }
    return longestMicros
  }
}
