import { extname } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { PoolConfig } from '../lib/config/load.js'
import type { EndedRequest } from '../lib/proxy/ended-request.js'
import backendList from '../plugins/backend-list.js'
import backendRegistry from '../plugins/backend-registry.js'
import forwarder from '../plugins/forwarder.js'
import healthCheck from '../plugins/health-check.js'
import passiveHealth from '../plugins/passive-health.js'
import poolMeasures from '../plugins/pool-measures.js'

/**
 * A pool of a server that has several. What is the server's, it shares.
 * @param predecessor the same pool with other settings: what is known of its backends stays known
 */
export async function createRoutedPool(
  server: FastifyInstance,
  { name, config }: PoolConfig,
  predecessor?: FastifyInstance
): Promise<FastifyInstance> {
  const log = server.log.child({ pool: name })
  const pool = Fastify({ loggerInstance: log }) as unknown as FastifyInstance
  const own = { ...config, admin: { ...config.admin, stateFile: stateFileOf(config.admin.stateFile, name) } }
  await pool.register(shared('shortages', { shortages: server.shortages }))
  await pool.register(backendRegistry, { config: own, predecessor: predecessor?.registry })
  await pool.register(backendList, { config: own })
  await pool.register(poolMeasures, { name, predecessor: predecessor?.pool })
  await pool.register(shared('access-log', { accessLog: server.accessLog, tracing: server.tracing }))
  const rejectRequest = server.rejecter(pool.registry.counters, pool.requestMetrics)
  await pool.register(shared('local-replies', { rejectRequest }))
  await pool.register(healthCheck, { config: own })
  await pool.register(passiveHealth, { config: own })
  const { latency } = server
  const record = ({ res, durationMs }: EndedRequest) => {
    if (res.writableFinished) latency.record(durationMs, performance.now())
  }
  await pool.register(forwarder, { config: own, server: { counters: server.registry.counters, record } })
  return pool
}

/** Decorates a pool with what belongs to its server, as the plugin of that name does where there is one pool. */
const shared = (name: string, decorations: Readonly<Record<string, unknown>>) =>
  fp(
    async (fastify) => {
      for (const [key, value] of Object.entries(decorations)) fastify.decorate(key, value)
    },
    { name }
  )

/** Each pool keeps its changes in a file of its own: of `state.json` it is `state.web.json`. */
function stateFileOf(file: string, pool: string): string {
  if (file === '') return ''
  const extension = extname(file)
  return `${file.slice(0, file.length - extension.length)}.${pool}${extension}`
}
