import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { DrainTerms } from '../lib/listener/drain/drain-terms.js'
import { ListeningSockets } from '../lib/service/listening-sockets.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** What the servers of this process listen on. */
    listeningSockets: ListeningSockets
    /** How they drain. */
    drainTerms: DrainTerms
    /** Whether another process is about to take over, or has. */
    succession: { hasBegun: boolean }
  }
}

interface Options {
  readonly config: Config
  /** Those that were handed to this process; none if absent. */
  readonly sockets?: ListeningSockets | undefined
}

/** What the servers of the balancer listen on, and how they drain. */
export default fp<Options>(
  async (fastify, { config, sockets = new ListeningSockets() }) => {
    fastify.decorate('listeningSockets', sockets)
    fastify.decorate('drainTerms', new DrainTerms(config))
    fastify.decorate('succession', { hasBegun: false })
    fastify.addHook('onReady', async () => sockets.closeUnwanted())
  },
  { name: 'listening-sockets' }
)
