import { createCells, ONE_THREAD, type Threads } from './rows.js'
import { addToTotal, totalOf } from './total.js'

/** A cache line in cells. */
const LINE_CELLS = 16
/** How many rows lie together. */
const ROWS = 256

/** The cells that so many totals take, of all threads together. */
export function totalsCells(count: number, { count: threads }: Threads): number {
  return threads * strideOf(count)
}

/** Whole cache lines, so that no two threads write to one. */
const strideOf = (count: number) => Math.ceil((2 * count) / LINE_CELLS) * LINE_CELLS

/** A number of totals, each of which every thread counts for itself. Of what they have counted the sum is read. */
export class Totals {
  readonly #cells: Int32Array
  readonly #first: number
  readonly #stride: number
  readonly #own: number

  /** @param cells of zeros at first, `totalsCells` of them from the one at `first` on */
  constructor(
    readonly count: number,
    readonly threads: Threads = ONE_THREAD,
    cells = createCells(totalsCells(count, threads), threads),
    first = 0
  ) {
    this.#cells = cells
    this.#first = first
    this.#stride = strideOf(count)
    this.#own = first + threads.own * this.#stride
  }

  get place(): TotalsPlace {
    return { threads: this.threads, cells: this.#cells, first: this.#first }
  }

  /** Adds a whole number from 0 to 2^53 to the total at `index`. */
  add(index: number, amount: number): void {
    addToTotal(this.#cells, this.#own + 2 * index, amount)
  }

  /** The total at `index`. */
  at(index: number): number {
    let sum = 0
    let cell = this.#first + 2 * index
    for (let left = this.threads.count; left > 0; left--, cell += this.#stride)
      sum += totalOf(this.#cells, cell)
    return sum
  }
}

/** Where totals lie. */
export interface TotalsPlace {
  readonly threads: Threads
  readonly cells: Int32Array
  readonly first: number
}

/** Places for many totals, side by side: what is used together lies together. */
export class TotalsRows {
  readonly #length: number
  readonly #threads: Threads
  #cells: Int32Array = new Int32Array(0)
  #next = 0

  /** @param count of the totals in each place */
  constructor(count: number, threads = ONE_THREAD) {
    this.#length = totalsCells(count, threads)
    this.#threads = threads
  }

  /** A further place, with zeros. Memory is freed with the last of those that lie together. */
  next(): TotalsPlace {
    if (this.#next === this.#cells.length) {
      this.#cells = createCells(ROWS * this.#length, this.#threads)
      this.#next = 0
    }
    const first = this.#next
    this.#next += this.#length
    return { threads: this.#threads, cells: this.#cells, first }
  }
}
