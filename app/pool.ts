import type { Socket } from 'node:net'
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import type { sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import access from '../plugins/access.js'
import accessLog from '../plugins/access-log.js'
import backendList from '../plugins/backend-list.js'
import backendRegistry from '../plugins/backend-registry.js'
import healthCheck from '../plugins/health-check.js'
import leastConnections from '../plugins/least-connections.js'
import localReplies from '../plugins/local-replies.js'
import metrics from '../plugins/metrics.js'
import passiveHealth from '../plugins/passive-health.js'
import shortages from '../plugins/shortages.js'
import statistics from '../plugins/statistics.js'
import tls from '../plugins/tls.js'
import tracing from '../plugins/tracing.js'

interface PoolParts {
  readonly config: Config
  /** Registers what owns the client connections, which the statistics count. */
  readonly registerListener: () => Promise<void>
  /** Writes the answer for a failure; as the balancer does if absent. */
  readonly answer?: typeof sendLocalReply
}

/** Registers the parts of a pool of backends, whoever owns the client connections. */
export async function registerPool(
  fastify: FastifyInstance,
  { config, registerListener, answer }: PoolParts
): Promise<void> {
  await fastify.register(shortages, { config })
  await fastify.register(backendRegistry, { config })
  await fastify.register(backendList, { config })
  await registerListener()
  await fastify.register(metrics)
  await fastify.register(statistics, { config })
  await fastify.register(tracing, { config })
  await fastify.register(accessLog, { config })
  await fastify.register(healthCheck, { config })
  await fastify.register(passiveHealth, { config })
  await fastify.register(access, { config })
  await fastify.register(localReplies, { config, answer })
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
  config: Config,
  log: FastifyBaseLogger,
  answer: typeof sendLocalReply
): Promise<FastifyInstance> {
  const pool = Fastify({ loggerInstance: log })
  const registerListener = async () => {
    await pool.register(tls, { config })
    await pool.register(noConnections)
  }
  await registerPool(pool, { config, registerListener, answer })
  await pool.register(leastConnections, { config })
  return pool
}
