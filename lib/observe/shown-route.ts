import type { RouteCounts } from '../proxy/route/route-counts.js'
import type { RouteAction, RouteFilters, RouteMatch } from '../routing/options.js'

/** A route, as far as it is shown. */
export interface ShownRoute {
  readonly name: string
  /** The pools that it may lead to; none if the balancer answers itself. */
  readonly pools: readonly string[]
  readonly match: RouteMatch
  readonly action: RouteAction
  readonly filters: Pick<RouteFilters, 'mirror'>
  readonly counts: RouteCounts
}
