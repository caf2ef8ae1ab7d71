import fp from 'fastify-plugin'
import type { Registry as Exposition } from 'prom-client'
import { version } from '../package.json'

declare module 'fastify' {
  interface FastifyInstance {
    /** All metrics, in Prometheus' exposition format. */
    exposition(): Exposition
  }
}

/** Metrics for Prometheus. */
export default fp(
  async (fastify) => {
    const { registry, requestMetrics: requests, serverCounters: counters } = fastify
    const { shortages, poolSet, shownRoutes, fleet } = fastify
    // Loaded on the first scrape, as the library and what it observes of Node cost something. Not by `import()`: if that
    // fails once, as while no file can be opened, it fails for ever.
    const load = () => {
      const { exposition } =
        require('../lib/observe/metrics/exposition.js') as typeof import('../lib/observe/metrics/exposition.js')
      const pools = () => poolSet.all
      return exposition({
        registry,
        counters,
        pools,
        routes: shownRoutes,
        requests,
        shortages,
        fleet,
        version
      })
    }
    let cached: Exposition | undefined
    fastify.decorate('exposition', () => {
      cached ??= load()
      return cached
    })
  },
  { name: 'metrics', dependencies: ['pool-set', 'connections', 'fleet'] }
)
