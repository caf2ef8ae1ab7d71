import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import type { ListeningSockets } from '../lib/service/listening-sockets.js'
import type { ThreadClient } from '../lib/threads/connections.js'
import type { ThreadParts } from '../plugins/cells.js'
import connections from '../plugins/connections.js'
import gracefulShutdown from '../plugins/graceful-shutdown.js'
import http2 from '../plugins/http2.js'
import leastConnections from '../plugins/least-connections.js'
import listeningSockets from '../plugins/listening-sockets.js'
import overload from '../plugins/overload.js'
import tls from '../plugins/tls.js'
import lane from '../routes/lane.js'
import lb from '../routes/lb/index.js'
import proxy from '../routes/proxy.js'
import upgrade from '../routes/upgrade.js'
import { registerPool } from './pool.js'

export interface BalancerParts extends ThreadParts {
  /** Whether it may handle signals and set the exit code of the process. */
  readonly ownsProcess: boolean
  /** Those that were handed to this process; none if absent. */
  readonly sockets?: ListeningSockets | undefined
  /** The thread that answers what is asked of `/__lb/`, if that is another. */
  readonly owner?: ThreadClient | undefined
}

/** Makes a load balancer of a server that was created with `serverOptions`. */
export async function registerBalancer(
  fastify: FastifyInstance,
  config: Config,
  { ownsProcess, sockets, owner, ...thread }: BalancerParts
): Promise<void> {
  await fastify.register(listeningSockets, { config, sockets })
  const registerListener = async () => {
    await fastify.register(tls, { config })
    await fastify.register(http2, { config })
    await fastify.register(connections, { config })
    if (config.tls?.redirectPort) await fastify.register(httpsRedirect(), { config })
  }
  if (config.routing) await routed().registerRoutes(fastify, { config, registerListener, ...thread })
  else await registerPool(fastify, { config, registerListener, ...thread })
  await fastify.register(overload)
  await fastify.register(gracefulShutdown, { config, ownsProcess })

  if (owner) await fastify.register(relay(), { prefix: '/__lb', owner })
  else if (config.admin.port === undefined) await fastify.register(lb, { prefix: '/__lb', config })
  else await adminServer().registerAdminServer(fastify, config, ownsProcess)
  await fastify.register(proxied, { config })
}

// What only some starts need is loaded only by those.
const httpsRedirect = () =>
  (require('../plugins/https-redirect.js') as typeof import('../plugins/https-redirect.js')).default
const http2Streams = () => (require('../routes/http2.js') as typeof import('../routes/http2.js')).default
const relay = () => (require('../routes/lb/relay.js') as typeof import('../routes/lb/relay.js')).default
const adminServer = () => require('./admin-server.js') as typeof import('./admin-server.js')
const routed = () => require('./routed.js') as typeof import('./routed.js')

/** The scope of the requests for backends. */
const proxied = fp<{ config: Config }>(
  async (fastify, { config }) => {
    await fastify.register(leastConnections, { config })
    await fastify.register(proxy, { config })
    await fastify.register(lane, { config })
    await fastify.register(upgrade, { config })
    if (fastify.http2) await fastify.register(http2Streams(), { config })
  },
  { name: 'proxied', encapsulate: true }
)
