import fp from 'fastify-plugin'
import { PoolSet } from '../lib/admin/pool-set.js'
import { ServerCounters } from '../lib/observe/server-counters.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The pools of this server. */
    poolSet: PoolSet
    /** The counters of this server, and of its pools. */
    serverCounters: ServerCounters
  }
}

/** Decorates a server that has one pool with the set of its pools. */
export default fp(
  async (fastify) => {
    const poolSet = new PoolSet([fastify.pool])
    fastify.decorate('poolSet', poolSet)
    fastify.decorate('serverCounters', new ServerCounters(fastify.registry.counters, () => poolSet.all))
  },
  { name: 'pool-set', dependencies: ['pool-measures'] }
)
