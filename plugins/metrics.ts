import fp from 'fastify-plugin'
import type { Registry as Exposition } from 'prom-client'
import { HealthTransitions } from '../lib/observe/metrics/health-transitions.js'
import { RequestMetrics } from '../lib/observe/metrics/request-metrics.js'
import { version } from '../package.json'

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts requests as they end. */
    requestMetrics: RequestMetrics
    /** All metrics, as Prometheus reads them. */
    exposition(): Exposition
  }
}

/** Counts what Prometheus asks for, beside what the registry counts already. */
export default fp(
  async (fastify) => {
    const { registry, connections, resolver, shortages } = fastify
    const requests = new RequestMetrics()
    const transitions = new HealthTransitions(registry)
    const openConnections = () => connections.size
    // Who has no Prometheus need not pay for the library, nor for what it watches of Node. Not by `import()`, which
    // fails for ever if it fails once, as it does while no file can be opened.
    const load = () => {
      const { exposition } =
        require('../lib/observe/metrics/exposition.js') as typeof import('../lib/observe/metrics/exposition.js')
      const source = { registry, requests, transitions, resolver, shortages }
      return exposition({ ...source, version, openConnections })
    }
    let made: Exposition | undefined
    registry.on('removed', ({ id }) => requests.forget(id))
    fastify.decorate('requestMetrics', requests)
    fastify.decorate('exposition', () => {
      made ??= load()
      return made
    })
  },
  { name: 'metrics', dependencies: ['backend-registry', 'connections'] }
)
