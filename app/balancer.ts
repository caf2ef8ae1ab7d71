import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import fp from 'fastify-plugin'
import { Pool } from '../lib/admin/pools.js'
import type { Config } from '../lib/config/load.js'
import { type LoadBalancerOptions, loadBalancerConfig } from '../lib/config/options.js'
import connections from '../plugins/connections.js'
import gracefulShutdown from '../plugins/graceful-shutdown.js'
import http2 from '../plugins/http2.js'
import httpsRedirect from '../plugins/https-redirect.js'
import leastConnections from '../plugins/least-connections.js'
import overload from '../plugins/overload.js'
import pools from '../plugins/pools.js'
import tls from '../plugins/tls.js'
import http2Streams from '../routes/http2.js'
import lane from '../routes/lane.js'
import lb from '../routes/lb/index.js'
import proxy from '../routes/proxy.js'
import upgrade from '../routes/upgrade.js'
import { registerAdminServer } from './admin-server.js'
import { serverOptions } from './options.js'
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

/** Where the log goes, as in Fastify's options. */
export type LogOptions = Pick<FastifyServerOptions, 'logger' | 'loggerInstance'>

/**
 * Creates a load balancer that does not listen yet, from options alone: no variables and no files of settings are read. Its
 * pool is `fairlead.pool()`, once it is ready.
 * @param log without it nothing is logged
 * @throws {ConfigError} naming everything that is wrong with the options
 */
export function createLoadBalancer(options: LoadBalancerOptions, log: LogOptions = {}): FastifyInstance {
  const config = loadBalancerConfig(options)
  const { logger: _logger, ...server } = serverOptions(config) as FastifyServerOptions
  const { logger, loggerInstance } = log
  const fastify = Fastify({
    ...server,
    ...(logger === undefined ? {} : { logger }),
    ...(loggerInstance === undefined ? {} : { loggerInstance })
  } as object)
  void fastify.register(pools)
  void fastify.register(async (instance) => {
    await registerBalancer(instance, config, false)
    instance.fairlead.add(new Pool('/', instance))
  })
  return fastify
}
