import { Totals } from '../../base/cells/totals.js'
import { STATUS_CLASSES, statusClass } from '../../base/http/status-class.js'
import { MIRROR_OUTCOMES, type MirrorCounts, type MirrorOutcome } from '../mirror/mirror-counts.js'

/** How much of a route is counted. */
export const COUNTED = STATUS_CLASSES.length + MIRROR_OUTCOMES.length

/** How the requests of a route have ended so far. */
export class RouteCounts implements MirrorCounts {
  readonly #totals: Totals

  /** @param totals `COUNTED` of them */
  constructor(totals = new Totals(COUNTED)) {
    this.#totals = totals
  }

  /** @param statusCode of the answer, or 0 if the client left before there was one */
  count(statusCode: number): void {
    this.#totals.add(statusClass(statusCode), 1)
  }

  countMirror(outcome: MirrorOutcome): void {
    this.#totals.add(STATUS_CLASSES.length + MIRROR_OUTCOMES.indexOf(outcome), 1)
  }

  /** In the order of `STATUS_CLASSES`; `none` when the client left before there was one. */
  get byClass(): number[] {
    return STATUS_CLASSES.map((_, index) => this.#totals.at(index))
  }

  /** In the order of `MIRROR_OUTCOMES`. */
  get mirrors(): number[] {
    return MIRROR_OUTCOMES.map((_, index) => this.#totals.at(STATUS_CLASSES.length + index))
  }

  get total(): number {
    return this.byClass.reduce((sum, count) => sum + count, 0)
  }
}
