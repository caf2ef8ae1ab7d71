import { GAUGE_CELLS, type GaugeCell, type SharedCell, type TotalCell } from './cell.js'
import { createCells, ONE_THREAD, rowCells, SHARED_CELLS, THREAD_CELLS } from './rows.js'
import { acquireSlot, sumOf } from './slots.js'
import { addToTotal, settleTotal, totalOf } from './total.js'

/**
 * The counters of one row of cells, accessed with `Atomics` only: the same code serves one thread with a plain buffer, and
 * several with a shared one. State is in cells that all threads share. What requests change is counted by each thread in
 * cells of its own, of which the sum counts: nothing but those has to be repaired when a thread ends.
 */
export class Counters {
  readonly #cells: Int32Array
  readonly #own: number
  readonly #threads: number

  /** @param cells of zeros at first, `rowCells` of them or more */
  constructor(threads = ONE_THREAD, cells = createCells(rowCells(threads), threads)) {
    this.#cells = cells
    this.#own = SHARED_CELLS + threads.own * THREAD_CELLS
    this.#threads = threads.count
  }

  /** How many threads count here. */
  get threads(): number {
    return this.#threads
  }

  /** The value of a cell that all threads share. */
  get(cell: SharedCell): number {
    return Atomics.load(this.#cells, cell)
  }

  set(cell: SharedCell, value: number): void {
    Atomics.store(this.#cells, cell, value)
  }

  /** Adds to a cell that all threads share. Returns the new value. */
  add(cell: SharedCell, amount: number): number {
    return Atomics.add(this.#cells, cell, amount) + amount
  }

  /** The value of a gauge: what all threads have counted. */
  sum(cell: GaugeCell): number {
    return sumOf(this.#cells, SHARED_CELLS + cell, this.#threads)
  }

  /** What one thread has counted of a gauge. */
  part(cell: GaugeCell, thread: number): number {
    return Atomics.load(this.#cells, SHARED_CELLS + thread * THREAD_CELLS + cell)
  }

  /** Adds to this thread's part of a gauge. */
  change(cell: GaugeCell, amount: number): void {
    Atomics.add(this.#cells, this.#own + cell, amount)
  }

  /** Adds 1 to a gauge unless that would take the sum of all threads over `limit`. Returns whether it did. */
  acquire(cell: GaugeCell, limit: number): boolean {
    return acquireSlot(this.#cells, this.#own + cell, SHARED_CELLS + cell, this.#threads, limit)
  }

  /** Adds a whole number from 0 to 2^53 to a total. */
  addTotal(cell: TotalCell, amount: number): void {
    addToTotal(this.#cells, this.#own + cell, amount)
  }

  /** The value of a total: what all threads have counted. */
  total(cell: TotalCell): number {
    let total = 0
    for (let i = 0, index = SHARED_CELLS + cell; i < this.#threads; i++, index += THREAD_CELLS)
      total += totalOf(this.#cells, index)
    return total
  }

  /** Takes what a thread that has ended held out of all gauges. Its totals stay, for the next one to go on. */
  clearThread(thread: number): void {
    const first = SHARED_CELLS + thread * THREAD_CELLS
    for (let cell = 0; cell < GAUGE_CELLS; cell++) Atomics.store(this.#cells, first + cell, 0)
    for (let cell = GAUGE_CELLS; cell < THREAD_CELLS; cell += 2) settleTotal(this.#cells, first + cell)
  }
}
