import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { BalancerCell } from '../lib/pool/cells.js'
import type { Forwarder } from '../lib/proxy/forwarder.js'
import { routeAnswerBytes } from '../lib/proxy/local-reply/route-answer.js'
import { Router } from '../lib/proxy/route/router.js'
import type { RouterOptions } from '../lib/proxy/route/router-options.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined where the only pool takes everything. */
    router: Router | undefined
  }
}

interface Options {
  readonly config: Config
  /** The forwarder of a pool by its name. */
  readonly forwarderOf: (pool: string) => Forwarder
}

/** Decorates the server with the router, which has each request served as its route says. */
export default fp<Options>(
  async (fastify, { config, forwarderOf }) => {
    const { rejectRequest, registry, requestMetrics, recordLocalReply, rateLimits, followed } = fastify
    const options: RouterOptions = {
      limits: config.limits,
      trusted: config.trustedProxies,
      rateLimits,
      rejectRequest,
      threads: fastify.cells.threads,
      countsAt: followed && ((route) => followed.placeOf(route)),
      onRouteAnswer: (req, res, answer, route) => {
        const { statusCode } = answer
        registry.counters.addTotal(BalancerCell.routeAnswers, 1)
        requestMetrics.count(req.method!, statusCode, undefined, 0)
        route.counts.countAnswer(statusCode)
        recordLocalReply?.(req, res, undefined, route, routeAnswerBytes(req, answer))
      }
    }
    const router = new Router(config.routing!.routes, forwarderOf, options)
    fastify.decorate('router', router)
    fastify.decorate('forwarder', router)
  },
  { name: 'forwarder', dependencies: ['access', 'local-replies', 'pool-set'] }
)
