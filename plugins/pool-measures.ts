import fp from 'fastify-plugin'
import { DEFAULT_POOL, type RunningPool } from '../lib/admin/pool-set.js'
import { LatencyWindow } from '../lib/base/latency/latency-window.js'
import { RateWindow } from '../lib/base/rates.js'
import { HealthTransitions } from '../lib/observe/metrics/health-transitions.js'
import { RequestMetrics } from '../lib/observe/metrics/request-metrics.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The pool of this instance. */
    pool: RunningPool
    /** Counts requests as they end. */
    requestMetrics: RequestMetrics
    /** Latencies of answered requests, from their head to the end of the response. */
    latency: LatencyWindow
  }
}

interface Options {
  readonly name?: string
  /** The pool before its settings changed, whose measures go on. */
  readonly predecessor?: RunningPool | undefined
}

/** Measures the requests of a pool: what the registry does not count anyway. */
export default fp<Options>(
  async (fastify, { name = DEFAULT_POOL, predecessor }) => {
    const { registry, backendList, backendListSaved, sources, leases, resolver } = fastify
    const requests = new RequestMetrics(registry, predecessor?.requests)
    const latency = predecessor?.latency ?? LatencyWindow.in(fastify.cells, 'latency')
    fastify.decorate('requestMetrics', requests)
    fastify.decorate('latency', latency)
    fastify.decorate('pool', {
      name,
      registry,
      backendList,
      backendListSaved,
      sources,
      leases,
      requests,
      transitions: new HealthTransitions(registry, predecessor?.transitions),
      resolver,
      latency,
      rates: predecessor?.rates ?? new RateWindow()
    })
  },
  { name: 'pool-measures', dependencies: ['backend-registry', 'backend-list'] }
)
