import type { Socket } from 'node:net'
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import type { sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import access from '../plugins/access.js'
import accessLog from '../plugins/access-log.js'
import backendList from '../plugins/backend-list.js'
import backendRegistry from '../plugins/backend-registry.js'
import forwarder from '../plugins/forwarder.js'
import healthCheck from '../plugins/health-check.js'
import localReplies from '../plugins/local-replies.js'
import metrics from '../plugins/metrics.js'
import passiveHealth from '../plugins/passive-health.js'
import poolMeasures from '../plugins/pool-measures.js'
import poolSet from '../plugins/pool-set.js'
import shortages from '../plugins/shortages.js'
import statistics from '../plugins/statistics.js'
import tls from '../plugins/tls.js'
import tracing from '../plugins/tracing.js'

interface PoolParts {
  readonly config: Config
  /** Of the pool; that of a pool by variables if absent. */
  readonly name?: string
  /** Registers what owns the client connections, which the statistics count. */
  readonly registerListener: () => Promise<void>
  /** Writes the answer for a failure; as the balancer does if absent. */
  readonly answer?: typeof sendLocalReply
}

/** Registers the parts of a pool of backends, whoever owns the client connections. */
export async function registerPool(
  fastify: FastifyInstance,
  { config, name, registerListener, answer }: PoolParts
): Promise<void> {
  await fastify.register(shortages, { config })
  await fastify.register(backendRegistry, { config })
  await fastify.register(backendList, { config })
  await fastify.register(poolMeasures, { name })
  await fastify.register(poolSet)
  await registerListener()
  await fastify.register(metrics)
  await fastify.register(statistics, { config })
  await fastify.register(tracing, { config })
  await fastify.register(accessLog, { config })
  await fastify.register(healthCheck, { config })
  await fastify.register(passiveHealth, { config })
  await fastify.register(access, { config })
  await fastify.register(localReplies, { config, answer })
  await fastify.register(forwarder, { config })
}

/** The client connections belong to another server. */
const noConnections = fp(async (fastify) => void fastify.decorate('connections', new Set<Socket>()), {
  name: 'connections'
})

/**
 * Creates a pool for an application's server. It has a Fastify instance of its own, which never listens, so that its parts
 * can neither clash with decorators of the application nor change its server.
 */
export async function createPool(
  name: string,
  config: Config,
  log: FastifyBaseLogger,
  answer: typeof sendLocalReply
): Promise<FastifyInstance> {
  const pool = Fastify({ loggerInstance: log })
  const registerListener = async () => {
    await pool.register(tls, { config })
    await pool.register(noConnections)
  }
  await registerPool(pool, { name, config, registerListener, answer })
  return pool
}
