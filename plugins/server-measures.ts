import fp from 'fastify-plugin'
import { PoolSet } from '../lib/admin/pool-set.js'
import { LatencyWindow } from '../lib/base/latency.js'
import { Ticker } from '../lib/base/ticker.js'
import { RequestMetrics } from '../lib/observe/metrics/request-metrics.js'
import { ServerCounters } from '../lib/observe/server-counters.js'

/** Measures the requests of a server that has several pools, beside what each of them measures. */
export default fp(
  async (fastify) => {
    const poolSet = new PoolSet([])
    fastify.decorate('requestMetrics', new RequestMetrics())
    fastify.decorate('latency', new LatencyWindow())
    fastify.decorate('poolSet', poolSet)
    const ticker = new Ticker()
    fastify.decorate('ticker', ticker)
    fastify.addHook('onClose', async () => ticker.stop())
    fastify.decorate('serverCounters', new ServerCounters(fastify.registry.counters, () => poolSet.counted))
    fastify.decorate('shownRoutes', () => fastify.router?.routes ?? [])
  },
  { name: 'pool-set', dependencies: ['backend-registry'] }
)
