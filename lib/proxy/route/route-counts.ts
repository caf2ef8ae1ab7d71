import type { MirrorCounts } from '../mirror/mirror-counts.js'

/** By the first digit of the status; `none` when the client left before there was one. */
export const CODE_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** How the requests of a route have ended so far, of this thread, as nothing is decided by them. */
export class RouteCounts implements MirrorCounts {
  mirrorsAnswered = 0
  mirrorsFailed = 0
  mirrorsSkipped = 0
  /** In the order of `CODE_CLASSES`. */
  readonly byClass = new Float64Array(CODE_CLASSES.length)

  /** @param statusCode of the answer, or 0 if the client left before there was one */
  count(statusCode: number): void {
    this.byClass[Math.min(Math.floor(statusCode / 100), CODE_CLASSES.length - 1)]!++
  }

  get total(): number {
    return this.byClass.reduce((sum, count) => sum + count, 0)
  }
}
