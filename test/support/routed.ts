import type { Test } from 'tap'
import { Forwarder } from '../../lib/proxy/forwarder.js'
import { checkRequest } from '../../lib/proxy/request/request-check.js'
import { routedRequest } from '../../lib/proxy/route/routed-request.js'
import type { RouteFilters } from '../../lib/routing/options.js'
import { routeWith } from './routes.js'
import { atEnd } from './test.js'

const LIMITS = { headers: 1000, targetBytes: 16_384, bodyBytes: 0 }

/** Until the end of the test every request of a balancer of this process has the same route. */
export function routeAll(t: Test, filters: Partial<RouteFilters>): void {
  const { open } = Forwarder.prototype
  const route = routedRequest(routeWith(filters), 'web')
  Forwarder.prototype.open = function (req, res, target, requestId, upgrade) {
    const destination = checkRequest(req, target, LIMITS)
    if ('statusCode' in destination) return open.call(this, req, res, target, requestId, upgrade)
    return this.forward(req, res, destination, { target, requestId }, upgrade, route)
  }
  atEnd(t, () => {
    Forwarder.prototype.open = open
  })
}
