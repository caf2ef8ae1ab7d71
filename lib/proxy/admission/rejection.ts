import type { TotalCell } from '../../base/cells/cell.js'
import type { Failure } from '../failure.js'

/** How a request is rejected before a backend is chosen. */
export interface Rejection {
  readonly failure: Failure
  /** The balancer's counter of the reason (`BalancerCell`). */
  readonly cell: TotalCell
  /** Further fields of the answer, names and values in turn. */
  readonly fields?: readonly string[]
}
