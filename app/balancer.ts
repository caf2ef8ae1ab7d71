import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import connections from '../plugins/connections.js'
import gracefulShutdown from '../plugins/graceful-shutdown.js'
import http2 from '../plugins/http2.js'
import httpsRedirect from '../plugins/https-redirect.js'
import leastConnections from '../plugins/least-connections.js'
import overload from '../plugins/overload.js'
import tls from '../plugins/tls.js'
import http2Streams from '../routes/http2.js'
import lane from '../routes/lane.js'
import lb from '../routes/lb/index.js'
import proxy from '../routes/proxy.js'
import upgrade from '../routes/upgrade.js'
import { registerAdminServer } from './admin-server.js'
import { registerPool } from './pool.js'

/**
 * Makes a load balancer of a server that was created with `serverOptions`.
 * @param ownsProcess whether it may handle signals and set the exit code of the process
 */
export async function registerBalancer(
  fastify: FastifyInstance,
  config: Config,
  ownsProcess: boolean
): Promise<void> {
  const registerListener = async () => {
    await fastify.register(tls, { config })
    await fastify.register(http2, { config })
    await fastify.register(connections, { config })
    await fastify.register(httpsRedirect, { config })
  }
  if (config.routing) await routed().registerRoutes(fastify, { config, registerListener })
  else await registerPool(fastify, { config, registerListener })
  await fastify.register(overload)
  await fastify.register(gracefulShutdown, { config, ownsProcess })

  if (config.admin.port === undefined) await fastify.register(lb, { prefix: '/__lb', config })
  else await registerAdminServer(fastify, config, ownsProcess)
  await fastify.register(proxied, { config })
}

// A start without routes does not load what serves them.
const routed = () => require('./routed.js') as typeof import('./routed.js')

/** The scope of the requests for backends. */
const proxied = fp<{ config: Config }>(
  async (fastify, { config }) => {
    await fastify.register(leastConnections, { config })
    await fastify.register(proxy, { config })
    await fastify.register(lane, { config })
    await fastify.register(upgrade, { config })
    await fastify.register(http2Streams, { config })
  },
  { name: 'proxied', encapsulate: true }
)
