import { Counters } from '../base/cells/counters.js'
import { createCells, ONE_THREAD, rowCells } from '../base/cells/rows.js'
import { totalsCells } from '../base/cells/totals.js'
import { MEASURED_TOTALS, RequestMeasures } from './request-measures.js'

/** All cells of a backend, or of a pool: a row of counters, and the measures of its requests. */
export class CellBlock {
  readonly counters: Counters
  readonly measures: RequestMeasures

  /** @param cells of a block that another thread has created */
  constructor(
    threads = ONE_THREAD,
    readonly cells = createCells(rowCells(threads) + totalsCells(MEASURED_TOTALS, threads), threads)
  ) {
    this.counters = new Counters(threads, cells)
    this.measures = new RequestMeasures(threads, cells.subarray(rowCells(threads)))
  }
}
