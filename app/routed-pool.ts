import { extname } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { SharedCells } from '../lib/base/cells/shared-cells.js'
import type { PoolConfig } from '../lib/config/load.js'
import type { EndedRequest } from '../lib/proxy/ended-request.js'
import backendCredentials from '../plugins/backend-credentials.js'
import backendList from '../plugins/backend-list.js'
import backendRegistry from '../plugins/backend-registry.js'
import sharedCells from '../plugins/cells.js'
import discovery from '../plugins/discovery.js'
import forwarder from '../plugins/forwarder.js'
import healthCheck from '../plugins/health-check.js'
import passiveHealth from '../plugins/passive-health.js'
import poolMeasures from '../plugins/pool-measures.js'
import { PoolHost } from './pool-host.js'

/**
 * A pool of a server that has several. What is the server's, it shares.
 * @param cells of the pool
 * @param predecessor the same pool with other settings: what is known of its backends stays known
 */
export async function createRoutedPool(
  server: FastifyInstance,
  { name, config }: PoolConfig,
  cells: SharedCells,
  predecessor?: FastifyInstance
): Promise<FastifyInstance> {
  const host = new PoolHost(server.log.child({ pool: name }))
  const pool = host.instance
  const followed = server.followed?.poolNamed(name)
  await host.register(sharedCells, { cells, followed: server.followed, tell: server.tellThreads })
  const own = { ...config, admin: { ...config.admin, stateFile: stateFileOf(config.admin.stateFile, name) } }
  host.decorate('shortages', server.shortages).decorate('ticker', server.ticker)
  await host.register(backendCredentials, { config: own })
  await host.register(backendRegistry, { config: own, followed, predecessor: predecessor?.registry })
  await host.register(discovery, { config: own, isFollower: followed !== undefined, predecessor })
  await host.register(backendList, { config: own, predecessor })
  await host.register(poolMeasures, { name, predecessor: predecessor?.pool })
  host.decorate('accessLog', server.accessLog).decorate('tracing', server.tracing)
  host.decorate('rejectRequest', server.rejecter(pool.registry.counters, pool.requestMetrics))
  if (!followed) await host.register(healthCheck, { config: own, predecessor })
  await host.register(passiveHealth, { config: own, followed })
  const { latency } = server
  const record = ({ res, durationMs }: EndedRequest) => {
    if (res.writableFinished) latency.record(durationMs, performance.now())
  }
  const { counters } = server.registry
  await host.register(forwarder, { config: own, server: { counters, record }, predecessor })
  return pool
}

/** Each pool keeps its changes in a file of its own: of `state.json` it is `state.web.json`. */
function stateFileOf(file: string, pool: string): string {
  if (file === '') return ''
  const extension = extname(file)
  return `${file.slice(0, file.length - extension.length)}.${pool}${extension}`
}
