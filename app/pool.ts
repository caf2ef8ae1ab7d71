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
  /** Registers what listens, which the statistics count the connections of. */
  readonly registerListener: () => Promise<void>
  /** Answers a request that no backend is asked for; the balancer's own way if absent. */
  readonly answer?: typeof sendLocalReply
}

/** Registers what a pool of backends consists of, whoever has the connections to clients. */
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

/** The connections to clients are those of another server. */
const noConnections = fp(async (fastify) => void fastify.decorate('connections', new Set<Socket>()), {
  name: 'connections'
})

/**
 * Makes a pool for a server that is not the balancer's own. It has an instance of Fastify to itself, which never listens:
 * so none of its parts can meet what the application has under the same name, or do anything to its server.
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
