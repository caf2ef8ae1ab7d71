import { extname } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Config, ConfigError, type PoolConfig, type RoutingConfig } from '../lib/config/load.js'
import type { EndedRequest } from '../lib/proxy/ended-request.js'
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
import routes from '../plugins/routes.js'
import serverMeasures from '../plugins/server-measures.js'
import shortages from '../plugins/shortages.js'
import statistics from '../plugins/statistics.js'
import tracing from '../plugins/tracing.js'

/** Registers the pools of the file, and the routes that lead to them. */
export async function registerRoutes(
  fastify: FastifyInstance,
  { config, registerListener }: { readonly config: Config; readonly registerListener: () => Promise<void> }
): Promise<void> {
  const { pools } = config.routing!
  refuseMissing(config.routing!)
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

  const running = new Map<string, FastifyInstance>()
  for (const pool of pools) running.set(pool.name, await createRoutedPool(fastify, pool))
  fastify.poolSet.replace([...running.values()].map(({ pool }) => pool))
  await fastify.register(routes, { config, forwarderOf: (name) => running.get(name)!.poolForwarder })
  fastify.addHook(
    'onReady',
    async () => void (await Promise.all([...running.values()].map((pool) => pool.ready())))
  )
  fastify.addHook('preClose', async () => {
    for (const { registry } of running.values()) registry.startDraining()
  })
  fastify.addHook(
    'onClose',
    async () => void (await Promise.all([...running.values()].map((pool) => pool.close())))
  )
}

function refuseMissing({ routes }: RoutingConfig): void {
  const faults = routes.flatMap(({ name, action, filters }) => [
    ...(action.kind === 'split' ? [`LB_CONFIG: ${name}: split is not available yet`] : []),
    ...(filters.mirror ? [`LB_CONFIG: ${name}: mirror is not available yet`] : []),
    ...(filters.errors.length > 0 ? [`LB_CONFIG: ${name}: errors is not available yet`] : [])
  ])
  if (faults.length > 0) throw new ConfigError(faults)
}

/** A pool of a server that has several: what is the server's, it shares. */
async function createRoutedPool(
  server: FastifyInstance,
  { name, config }: PoolConfig
): Promise<FastifyInstance> {
  const pool = Fastify({ loggerInstance: server.log.child({ pool: name }) }) as unknown as FastifyInstance
  const { stateFile } = config.admin
  const own = { ...config, admin: { ...config.admin, stateFile: stateFileOf(stateFile, name) } }
  await pool.register(shared('shortages', { shortages: server.shortages }))
  await pool.register(backendRegistry, { config: own })
  await pool.register(backendList, { config: own })
  await pool.register(poolMeasures, { name })
  await pool.register(shared('access-log', { accessLog: server.accessLog, tracing: server.tracing }))
  const rejectRequest = server.rejecter(pool.registry.counters, pool.requestMetrics)
  await pool.register(shared('local-replies', { rejectRequest }))
  await pool.register(healthCheck, { config: own })
  await pool.register(passiveHealth, { config: own })
  const { latency } = server
  await pool.register(forwarder, {
    config: own,
    server: {
      counters: server.registry.counters,
      record: ({ res, durationMs }: EndedRequest) => {
        if (res.writableFinished) latency.record(durationMs, performance.now())
      }
    }
  })
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
