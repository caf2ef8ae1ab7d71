import { createCells, ONE_THREAD, type Threads } from './rows.js'
import { addToTotal, settleTotal, totalOf } from './total.js'

/** A cache line in cells. */
const LINE_CELLS = 16

/** The cells that so many totals take, of all threads together. */
export function totalsCells(count: number, { count: threads }: Threads): number {
  return threads * strideOf(count)
}

/** Whole cache lines, so that no two threads write to one. */
const strideOf = (count: number) => Math.ceil((2 * count) / LINE_CELLS) * LINE_CELLS

/** A number of totals, each of which every thread counts for itself. Of what they have counted the sum is read. */
export class Totals {
  readonly #cells: Int32Array
  readonly #stride: number
  readonly #own: number

  /** @param cells of zeros at first, `totalsCells` of them */
  constructor(
    readonly count: number,
    readonly threads: Threads = ONE_THREAD,
    cells = createCells(totalsCells(count, threads), threads)
  ) {
    this.#cells = cells
    this.#stride = strideOf(count)
    this.#own = threads.own * this.#stride
  }

  /** Adds a whole number from 0 to 2^53 to the total at `index`. */
  add(index: number, amount: number): void {
    addToTotal(this.#cells, this.#own + 2 * index, amount)
  }

  /** The total at `index`. */
  at(index: number): number {
    let sum = 0
    for (let cell = 2 * index; cell < this.#cells.length; cell += this.#stride)
      sum += totalOf(this.#cells, cell)
    return sum
  }

  /** Completes what a thread that has ended was about to add. */
  settleThread(thread: number): void {
    const first = thread * this.#stride
    for (let cell = first; cell < first + 2 * this.count; cell += 2) settleTotal(this.#cells, cell)
  }
}
