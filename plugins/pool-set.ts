import fp from 'fastify-plugin'
import { PoolSet } from '../lib/admin/pool-set.js'
import { ServerCounters } from '../lib/observe/server-counters.js'
import type { ShownRoute } from '../lib/observe/shown-route.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The pools of this server. */
    poolSet: PoolSet
    /** The counters of this server, and of its pools. */
    serverCounters: ServerCounters
    /** The routes of this server; none where its only pool takes everything. */
    shownRoutes(): readonly ShownRoute[]
  }
}

/** Decorates a server with the set of its pools: the only one, or none so far. */
export default fp(
  async (fastify) => {
    const poolSet = new PoolSet(fastify.hasDecorator('pool') ? [fastify.pool] : [])
    fastify.decorate('poolSet', poolSet)
    fastify.decorate('shownRoutes', () => fastify.router?.routes ?? [])
    fastify.decorate('serverCounters', new ServerCounters(fastify.registry.counters, () => poolSet.counted))
  },
  { name: 'pool-set', dependencies: ['backend-registry'] }
)
