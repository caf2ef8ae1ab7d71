import { BlockList } from 'node:net'
import type { Test } from 'tap'
import { loadConfig } from '../../lib/config/load.js'
import { Forwarder } from '../../lib/proxy/forwarder.js'
import { sendLocalReply } from '../../lib/proxy/local-reply/local-reply.js'
import { redirectOf, sendRouteAnswer } from '../../lib/proxy/local-reply/route-answer.js'
import { checkRequest } from '../../lib/proxy/request/request-check.js'
import { routeRejection } from '../../lib/proxy/route/route-rejection.js'
import { routedRequest } from '../../lib/proxy/route/routed-request.js'
import { fixedAnswer } from '../../lib/routing/filters/fixed-response.js'
import type { RouteAction, RouteFilters } from '../../lib/routing/options.js'
import { routeWith } from './routes.js'
import { atEnd } from './test.js'

const NOBODY = new BlockList()
const { limits } = loadConfig({})

interface More {
  readonly action?: RouteAction
  readonly trusted?: BlockList
}

/** Until the end of the test every request of a balancer of this process has the same route. */
export function routeAll(
  t: Test,
  filters: Partial<RouteFilters>,
  { action, trusted = NOBODY }: More = {}
): void {
  const { open } = Forwarder.prototype
  const route = routedRequest(routeWith(filters, action), 'web', trusted)
  const fixed = action?.kind === 'respond' ? fixedAnswer(action) : undefined
  Forwarder.prototype.open = function (req, res, target, requestId, upgrade) {
    const destination = checkRequest(req, target, { ...limits, bodyBytes: 0 })
    if ('statusCode' in destination) return open.call(this, req, res, target, requestId, upgrade)
    const rejection = routeRejection(req, route, this.maxBodyBytes)
    const answer = action?.kind === 'redirect' ? redirectOf(req, action, destination, trusted) : fixed
    if (rejection) sendLocalReply(req, res, rejection.failure, rejection.fields, route)
    else if (!answer) return this.forward(req, res, destination, { target, requestId }, upgrade, route)
    else if ('code' in answer) sendLocalReply(req, res, answer, undefined, route)
    else sendRouteAnswer(req, res, answer, route)
    return undefined
  }
  atEnd(t, () => {
    Forwarder.prototype.open = open
  })
}
