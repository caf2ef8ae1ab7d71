import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { Forwarder } from '../lib/proxy/forwarder.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Forwards requests to the backends of the pool. */
    forwarder: Forwarder
  }
}

/** Decorates the instance of a pool with what forwards requests to its backends. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { accessLog, tracing, requestMetrics, latency, outlierDetector, unresponsiveDetector } = fastify
    if (config.balancing.sticky?.secret === '')
      fastify.log.warn('LB_STICKY_SECRET is not set: sessions may move to other backends at each start')
    const forwarder = new Forwarder(
      fastify.registry,
      { ...config, trusted: config.trustedProxies },
      {
        metrics: requestMetrics,
        latency,
        outlierDetector,
        unresponsiveDetector,
        endListeners: [accessLog, tracing?.hasSpans ? tracing : undefined].filter((listener) => !!listener),
        tracing,
        onShortage: (missing) => fastify.shortages.record(missing, 'backends'),
        rejectRequest: fastify.rejectRequest
      }
    )
    fastify.decorate('forwarder', forwarder)
    fastify.addHook('onClose', async () => forwarder.stop())
  },
  {
    name: 'forwarder',
    dependencies: ['backend-registry', 'passive-health', 'pool-measures', 'access-log', 'local-replies']
  }
)
