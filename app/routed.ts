import type { FastifyInstance } from 'fastify'
import sharedCells from '../plugins/cells.js'
import poolSet from '../plugins/pool-set.js'
import routes from '../plugins/routes.js'
import serverMeasures from '../plugins/server-measures.js'
import serverRegistry from '../plugins/server-registry.js'
import shortages from '../plugins/shortages.js'
import ticker from '../plugins/ticker.js'
import { RoutedPools } from './routed-pools.js'
import { registerServerParts, type ServerParts } from './server-parts.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The pools of the file; undefined where the only pool takes everything. */
    routedPools: RoutedPools | undefined
  }
}

/** Registers the parts of a server with the pools of the file, and the routes that lead to them. */
export async function registerRoutes(fastify: FastifyInstance, server: ServerParts): Promise<void> {
  const { config, cells, followed, tell } = server
  await fastify.register(sharedCells, { cells, followed, tell })
  await fastify.register(shortages, { config })
  await fastify.register(ticker)
  await fastify.register(serverRegistry)
  await fastify.register(serverMeasures)
  await fastify.register(poolSet)
  await registerServerParts(fastify, server)

  const pools = new RoutedPools(fastify, config)
  await pools.create(config.routing!.pools)
  await fastify.register(routes, { config, forwarderOf: pools.forwarderOf })
  fastify.decorate('routedPools', pools)
  fastify.addHook('onReady', () => pools.ready())
  fastify.addHook('preClose', async () => pools.startDraining())
  fastify.addHook('onClose', async () => {
    fastify.router!.stop()
    await pools.close()
  })
}
