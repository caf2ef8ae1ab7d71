import type { FastifyInstance } from 'fastify'
import { type Config, loadConfig } from '../lib/config/load.js'
import access from '../plugins/access.js'
import accessLog from '../plugins/access-log.js'
import backendList from '../plugins/backend-list.js'
import backendRegistry from '../plugins/backend-registry.js'
import connections from '../plugins/connections.js'
import gracefulShutdown from '../plugins/graceful-shutdown.js'
import healthCheck from '../plugins/health-check.js'
import http2 from '../plugins/http2.js'
import httpsRedirect from '../plugins/https-redirect.js'
import leastConnections from '../plugins/least-connections.js'
import metrics from '../plugins/metrics.js'
import overload from '../plugins/overload.js'
import passiveHealth from '../plugins/passive-health.js'
import reload from '../plugins/reload.js'
import shortages from '../plugins/shortages.js'
import statistics from '../plugins/statistics.js'
import tls from '../plugins/tls.js'
import tracing from '../plugins/tracing.js'
import http2Streams from '../routes/http2.js'
import lb from '../routes/lb/index.js'
import proxy from '../routes/proxy.js'
import upgrade from '../routes/upgrade.js'
import { registerAdminServer } from './admin-server.js'
import { serverOptions } from './options.js'

export interface AppOptions {
  /** Read from the environment if absent. */
  readonly config?: Config
}

/** What fastify-cli gives to the server, from the environment. */
export const options = serverOptions(loadConfig(process.env))

/** The load balancer, whole. */
export default async function app(fastify: FastifyInstance, opts: AppOptions): Promise<void> {
  if (fastify.prefix !== '')
    throw new Error(
      'A prefix (-x) would leave all other paths without an answer: the app has to be at the root'
    )
  const config = opts.config ?? loadConfig(process.env)

  await fastify.register(shortages, { config })
  await fastify.register(backendRegistry, { config })
  await fastify.register(backendList, { config })
  await fastify.register(tls, { config })
  await fastify.register(http2, { config })
  await fastify.register(connections, { config })
  await fastify.register(httpsRedirect, { config })
  await fastify.register(metrics)
  await fastify.register(statistics, { config })
  await fastify.register(tracing, { config })
  await fastify.register(accessLog, { config })
  await fastify.register(healthCheck, { config })
  await fastify.register(passiveHealth, { config })
  await fastify.register(access, { config })
  await fastify.register(overload, { config })
  await fastify.register(gracefulShutdown, { config })
  // Who brings a configuration has it from somewhere else.
  if (!opts.config) await fastify.register(reload, { config })

  if (config.admin.port === undefined) await fastify.register(lb, { prefix: '/__lb', config })
  else await registerAdminServer(fastify, config)
  await fastify.register(async (proxied) => {
    await proxied.register(leastConnections, { config })
    await proxied.register(proxy, { config })
    await proxied.register(upgrade, { config })
    await proxied.register(http2Streams, { config })
  })
}
