import { ALL_REQUESTS, NO_FILTERS } from '../../lib/routing/catch-all.js'
import type { RouteAction, RouteFilters, RouteOptions } from '../../lib/routing/options.js'

const TO_WEB: RouteAction = { kind: 'pool', pool: 'web' }

/** A route for all requests, to the pool `web` unless it does something else, with some filters. */
export function routeWith(filters: Partial<RouteFilters>, action = TO_WEB): RouteOptions {
  return {
    name: 'all',
    match: ALL_REQUESTS,
    paths: 'strict',
    action,
    filters: { ...NO_FILTERS, ...filters }
  }
}
