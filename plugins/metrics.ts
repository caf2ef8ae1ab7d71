import fp from 'fastify-plugin'
import type { Registry as Exposition } from 'prom-client'
import { HealthTransitions } from '../lib/observe/metrics/health-transitions.js'
import { RequestMetrics } from '../lib/observe/metrics/request-metrics.js'
import { version } from '../package.json'

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts requests as they end. */
    requestMetrics: RequestMetrics
    /** All metrics, in Prometheus' exposition format. */
    exposition(): Exposition
  }
}

/** Metrics for Prometheus: the counters that the registry does not keep anyway, and the exposition. */
export default fp(
  async (fastify) => {
    const { registry, connections, resolver, shortages } = fastify
    const requests = new RequestMetrics()
    const transitions = new HealthTransitions(registry)
    const openConnections = () => connections.size
    // Loaded on the first scrape, as the library and what it observes of Node cost something. Not by `import()`: if that
    // fails once, as while no file can be opened, it fails for ever.
    const load = () => {
      const { exposition } =
        require('../lib/observe/metrics/exposition.js') as typeof import('../lib/observe/metrics/exposition.js')
      const source = { registry, requests, transitions, resolver, shortages }
      return exposition({ ...source, version, openConnections })
    }
    let cached: Exposition | undefined
    registry.on('removed', ({ id }) => requests.forget(id))
    fastify.decorate('requestMetrics', requests)
    fastify.decorate('exposition', () => {
      cached ??= load()
      return cached
    })
  },
  { name: 'metrics', dependencies: ['backend-registry', 'connections'] }
)
