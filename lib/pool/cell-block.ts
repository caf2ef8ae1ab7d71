import { Counters } from '../base/cells/counters.js'
import { rowCells, type Threads } from '../base/cells/rows.js'
import type { SharedCells } from '../base/cells/shared-cells.js'
import { totalsCells } from '../base/cells/totals.js'
import { TURNS, type Turns, turnsIn } from '../base/cells/turns.js'
import { MEASURED_TOTALS, RequestMeasures } from './request-measures.js'

/** The name of the cells of a pool, among its own. */
export const POOL_BLOCK = 'pool'
const BACKEND_BLOCK = /(?:^|\/)backend-\d+$/

/** The name of those of a backend. */
export const backendBlock = (id: number) => `backend-${id}`

/** Whether a whole name is that of a part, whatever it is a part of. */
const isOf = (part: string) => (name: string) => name === part || name.endsWith(`/${part}`)

export const isPoolBlock = isOf(POOL_BLOCK)
export const isTurns = isOf(TURNS)
export const isBackendBlock = (name: string) => BACKEND_BLOCK.test(name)

/** The cells of a backend, or of a pool: a row of counters, and the measures of its requests. */
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

/** All cells of a pool. */
export class PoolBlock extends CellBlock {
  /** Of the requests that wait in several threads. */
  readonly turns: Turns | undefined

  constructor(shared: SharedCells) {
    super(shared, POOL_BLOCK)
    this.turns = turnsIn(shared)
  }
}

const blockCells = (threads: Threads) => rowCells(threads) + totalsCells(MEASURED_TOTALS, threads)
