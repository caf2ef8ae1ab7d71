import type { FastifyInstance } from 'fastify'
import type { Config } from '../lib/config/load.js'
import access from '../plugins/access.js'
import accessLog from '../plugins/access-log.js'
import backendRegistry from '../plugins/backend-registry.js'
import localReplies from '../plugins/local-replies.js'
import metrics from '../plugins/metrics.js'
import routes from '../plugins/routes.js'
import serverMeasures from '../plugins/server-measures.js'
import shortages from '../plugins/shortages.js'
import statistics from '../plugins/statistics.js'
import tracing from '../plugins/tracing.js'
import { RoutedPools } from './routed-pools.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The pools of the file; undefined where the only pool takes everything. */
    routedPools: RoutedPools | undefined
  }
}

/** Registers the pools of the file, and the routes that lead to them. */
export async function registerRoutes(
  fastify: FastifyInstance,
  { config, registerListener }: { readonly config: Config; readonly registerListener: () => Promise<void> }
): Promise<void> {
  await fastify.register(shortages, { config })
  // The server's own counters; each pool has a registry of its own.
  await fastify.register(backendRegistry, { config: { ...config, backends: [] } })
  await fastify.register(serverMeasures)
  await registerListener()
  await fastify.register(metrics)
  await fastify.register(statistics, { config })
  await fastify.register(tracing, { config })
  await fastify.register(accessLog, { config })
  await fastify.register(access, { config })
  await fastify.register(localReplies, { config })

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
