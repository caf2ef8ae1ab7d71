import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { DEFAULT_POOL } from '../lib/admin/pool-set.js'
import type { Config } from '../lib/config/load.js'
import type { sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import backendCredentials from '../plugins/backend-credentials.js'
import backendList from '../plugins/backend-list.js'
import backendRegistry from '../plugins/backend-registry.js'
import sharedCells from '../plugins/cells.js'
import discovery from '../plugins/discovery.js'
import forwarder from '../plugins/forwarder.js'
import healthCheck from '../plugins/health-check.js'
import passiveHealth from '../plugins/passive-health.js'
import poolMeasures from '../plugins/pool-measures.js'
import poolSet from '../plugins/pool-set.js'
import shortages from '../plugins/shortages.js'
import ticker from '../plugins/ticker.js'
import { PoolHost } from './pool-host.js'
import { registerServerParts, type ServerParts } from './server-parts.js'

interface PoolParts extends ServerParts {
  /** Of the pool; that of a pool by variables if absent. */
  readonly name?: string
}

/** Registers the parts of a server with one pool of backends, whoever owns the client connections. */
export async function registerPool(
  fastify: FastifyInstance,
  { config, name, cells, followed, tell, ...server }: PoolParts
): Promise<void> {
  await fastify.register(sharedCells, { cells, followed, tell })
  await fastify.register(shortages, { config })
  await fastify.register(ticker)
  await fastify.register(backendCredentials, { config })
  const own = followed?.poolNamed(DEFAULT_POOL)
  await fastify.register(backendRegistry, { config, followed: own })
  await fastify.register(discovery, { config, isFollower: own !== undefined })
  await fastify.register(backendList, { config })
  await fastify.register(poolMeasures, { name })
  await fastify.register(poolSet)
  await registerServerParts(fastify, { config, ...server })
  if (!own) await fastify.register(healthCheck, { config })
  await fastify.register(passiveHealth, { config, followed: own })
  await fastify.register(forwarder, { config })
}

/**
 * Creates a pool for an application's server, to which the client connections belong. Its parts can neither clash with
 * decorators of the application nor change its server.
 */
export async function createPool(
  name: string,
  config: Config,
  log: FastifyBaseLogger,
  answer: typeof sendLocalReply
): Promise<FastifyInstance> {
  const host = new PoolHost(log)
  const registerListener = async () => void host.decorate('connections', new Set<Socket>())
  await registerPool(host.instance, { name, config, registerListener, answer })
  return host.instance
}
