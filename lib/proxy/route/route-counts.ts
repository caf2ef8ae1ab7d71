import { STATUS_CLASSES, statusClass } from '../../base/http/status-class.js'
import type { MirrorCounts } from '../mirror/mirror-counts.js'

/** How the requests of a route have ended so far, of this thread, as nothing is decided by them. */
export class RouteCounts implements MirrorCounts {
  mirrorsAnswered = 0
  mirrorsFailed = 0
  mirrorsSkipped = 0
  /** In the order of `STATUS_CLASSES`; `none` when the client left before there was one. */
  readonly byClass = new Float64Array(STATUS_CLASSES.length)

  /** @param statusCode of the answer, or 0 if the client left before there was one */
  count(statusCode: number): void {
    this.byClass[statusClass(statusCode)]!++
  }

  get total(): number {
    return this.byClass.reduce((sum, count) => sum + count, 0)
  }
}
