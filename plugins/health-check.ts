import { setTimeout } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { checkPlanner } from '../lib/health/check-plan.js'
import { HealthScheduler } from '../lib/health/scheduler.js'
import type { Backend } from '../lib/pool/backend.js'

/** How long the first checks may delay the start; Fastify's plugin timeout is 10 s. */
const START_MS = 5000

declare module 'fastify' {
  interface FastifyInstance {
    healthChecks: HealthChecks
  }
}

interface HealthChecks {
  readonly scheduler: HealthScheduler
  /** What each check depends on. */
  readonly settings: readonly unknown[]
}

interface HealthCheckOptions {
  readonly config: Config
  /** The same pool until now. */
  readonly predecessor?: FastifyInstance | undefined
}

/**
 * Runs the health checks. The first ones have ended when the server begins to listen, unless they take very long; a
 * backend that has not been checked gets no requests in either case.
 */
export default fp<HealthCheckOptions>(
  async (fastify, { config, predecessor }) => {
    const settings = [config.healthCheck, config.backendTls]
    const scheduler = new HealthScheduler(fastify.registry, {
      planOf: checkPlanner(config.healthCheck, fastify.backendSockets),
      onShortage: (missing) => fastify.shortages.record(missing, 'checks'),
      onDamped: ({ id, address, reason }) =>
        fastify.log.info(
          { backend: address, reason },
          `Backend[${id}] ${address} passes its checks: ${reason}`
        )
    })
    fastify.decorate('healthChecks', { scheduler, settings })
    const before = predecessor?.healthChecks
    if (before && isDeepStrictEqual(before.settings, settings)) scheduler.follow(before.scheduler)
    fastify.registry.on('state', ({ backend, from, to }) => {
      if (to !== 'unhealthy') return
      // An operator's order is no fall.
      if (from === 'healthy' && !backend.forcedHealth) scheduler.recordFall(backend)
      scheduler.checkSoon(backend)
    })
    fastify.registry.on('failure', ({ backend }) => {
      if (backend.eligible) scheduler.checkSoon(backend)
    })
    fastify.registry.on('added', (backend) => scheduler.add(backend))
    fastify.registry.on('removed', (backend) => scheduler.remove(backend))
    fastify.resolver.on('changed', ({ hostname }) => {
      for (const backend of fastify.registry.backends)
        if (backend.pool.name && backend.config.hostname === hostname) scheduler.onAddressChange(backend)
    })
    fastify.registry.on('retired', () => scheduler.stop())
    fastify.registry.on('forced', (backend) => scheduler.checkSoon(backend))
    const restart = (backend: Backend) => {
      scheduler.remove(backend)
      scheduler.add(backend)
    }
    fastify.registry.on('reconfigured', restart).on('reset', restart)
    fastify.addHook('onReady', async () => {
      await Promise.race([scheduler.start(), setTimeout(START_MS, undefined, { ref: false })])
      if (fastify.registry.eligibleCount === 0) {
        fastify.log.error('No backend passed its first check: requests are answered 503 until one does')
      }
    })
    // During a drain, requests may still wait for a backend to recover.
    fastify.addHook('onClose', async () => scheduler.stop())
  },
  { name: 'health-check', dependencies: ['backend-registry', 'shortages'] }
)
