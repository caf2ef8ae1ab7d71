import { Counters } from '../base/cells/counters.js'
import { rowCells, type Threads } from '../base/cells/rows.js'
import type { SharedCells } from '../base/cells/shared-cells.js'
import { totalsCells } from '../base/cells/totals.js'
import { MEASURED_TOTALS, RequestMeasures } from './request-measures.js'

/** All cells of a backend, or of a pool: a row of counters, and the measures of its requests. */
export class CellBlock {
  readonly counters: Counters
  readonly measures: RequestMeasures

  /** @param name of its cells among those */
  constructor(shared: SharedCells, name: string) {
    const { threads } = shared
    const cells = shared.named(name, blockCells(threads))
    this.counters = new Counters(threads, cells)
    this.measures = new RequestMeasures(threads, cells.subarray(rowCells(threads)))
  }
}

const blockCells = (threads: Threads) => rowCells(threads) + totalsCells(MEASURED_TOTALS, threads)
