import { Totals, type TotalsPlace } from '../../base/cells/totals.js'
import { STATUS_CLASSES, statusClass } from '../../base/http/status-class.js'
import { MIRROR_OUTCOMES, type MirrorCounts, type MirrorOutcome } from '../mirror/mirror-counts.js'

/** How much of a route is counted. */
export const COUNTED = STATUS_CLASSES.length + MIRROR_OUTCOMES.length

/** How the requests of a route have ended so far. */
export class RouteCounts extends Totals implements MirrorCounts {
  /** @param cells in which `COUNTED` totals begin at `first`; its own if absent */
  constructor({ threads, cells, first }: Partial<TotalsPlace> = {}) {
    super(COUNTED, threads, cells, first)
  }

  /** @param statusCode of the answer, or 0 if the client left before there was one */
  countAnswer(statusCode: number): void {
    this.add(statusClass(statusCode), 1)
  }

  countMirror(outcome: MirrorOutcome): void {
    this.add(STATUS_CLASSES.length + MIRROR_OUTCOMES.indexOf(outcome), 1)
  }

  /** In the order of `STATUS_CLASSES`; `none` when the client left before there was one. */
  get byClass(): number[] {
    return STATUS_CLASSES.map((_, index) => this.at(index))
  }

  /** In the order of `MIRROR_OUTCOMES`. */
  get mirrors(): number[] {
    return MIRROR_OUTCOMES.map((_, index) => this.at(STATUS_CLASSES.length + index))
  }

  get total(): number {
    return this.byClass.reduce((sum, count) => sum + count, 0)
  }
}
