import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Counters } from '../lib/base/cells/counters.js'
import { sharedSecret } from '../lib/base/cells/shared-secret.js'
import type { Config } from '../lib/config/load.js'
import type { EndedRequest } from '../lib/proxy/ended-request.js'
import { Forwarder } from '../lib/proxy/forwarder.js'
import type { RequestForwarder } from '../lib/proxy/request-forwarder.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Takes the requests for backends. */
    forwarder: RequestForwarder
    /** Forwards requests to the backends of the pool. */
    poolForwarder: Forwarder
  }
}

interface Options {
  readonly config: Config
  /** The server's part in the accounts, where it has several pools. */
  readonly server?: { readonly counters: Counters; record(ended: EndedRequest): void }
  /** The same pool until its settings changed. */
  readonly predecessor?: FastifyInstance | undefined
}

/** What its sessions go on with: a key of all threads, or the sessions of this one until now. */
function sessionsBefore({ cells }: FastifyInstance, { balancing }: Config, predecessor?: FastifyInstance) {
  if (!balancing.sticky || cells.threads.count === 1) return predecessor?.poolForwarder.sessions
  return sharedSecret(cells, 'session-key')
}

/** Decorates the instance of a pool with what forwards requests to its backends. */
export default fp<Options>(
  async (fastify, { config, server, predecessor }) => {
    const { accessLog, tracing, requestMetrics, latency, outlierDetector, unresponsiveDetector } = fastify
    if (config.balancing.sticky?.secret === '' && !predecessor)
      fastify.ownerLog.warn('LB_STICKY_SECRET is not set: sessions may move to other backends at each start')
    const forwarder = new Forwarder(
      fastify.registry,
      { ...config, trusted: config.trustedProxies },
      {
        metrics: requestMetrics,
        latency,
        serverCounters: server?.counters,
        outlierDetector,
        unresponsiveDetector,
        endListeners: [accessLog, tracing?.hasSpans ? tracing : undefined, server].filter(
          (listener) => !!listener
        ),
        tracing,
        onShortage: (missing) => fastify.shortages.record(missing, 'backends'),
        rejectRequest: fastify.rejectRequest
      },
      sessionsBefore(fastify, config, predecessor)
    )
    fastify.decorate('forwarder', forwarder)
    fastify.decorate('poolForwarder', forwarder)
    fastify.addHook('onClose', async () => forwarder.stop())
  },
  {
    name: 'forwarder',
    dependencies: ['backend-registry', 'passive-health', 'pool-measures', 'access-log', 'local-replies']
  }
)
