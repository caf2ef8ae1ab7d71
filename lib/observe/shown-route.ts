import type { RouteCounts } from '../proxy/route/route-counts.js'

/** A route, as far as it is shown. */
export interface ShownRoute {
  readonly name: string
  /** The pools that it may lead to; none if the balancer answers itself. */
  readonly pools: readonly string[]
  readonly counts: RouteCounts
}
