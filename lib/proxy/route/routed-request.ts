import { FieldEdits } from '../../routing/filters/field-edits.js'
import type { RouteOptions } from '../../routing/options.js'

/** What a matched route says of its requests and their answers. Made once for each route and pool, and shared by them. */
export interface RoutedRequest {
  /** The name of the route. */
  readonly route: string
  /** The name of the pool that it leads to; undefined if the balancer answers itself. */
  readonly pool: string | undefined
  readonly requestEdits: FieldEdits | undefined
  /** Of all answers: the backends', and the balancer's own. */
  readonly responseEdits: FieldEdits | undefined
}

/**
 * What a route says of the requests that go to a pool.
 * @throws if it has a field that cannot be sent, or must not be changed
 */
export function routedRequest({ name, filters }: RouteOptions, pool: string | undefined): RoutedRequest {
  return {
    route: name,
    pool,
    requestEdits: FieldEdits.ofRequests(filters.requestHeaders, filters.rewriteHost),
    responseEdits: FieldEdits.ofResponses(filters.responseHeaders)
  }
}
