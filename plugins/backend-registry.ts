import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { FailureLog } from '../lib/failure-log.js'
import { createPool } from '../lib/pool.js'
import { Registry } from '../lib/registry.js'

declare module 'fastify' {
  interface FastifyInstance {
    registry: Registry
  }
}

/** Decorates the server with the registry of backends, logs what changes in it, and closes its pools at the end. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const registry = new Registry(config.backends, {
      createPool: (backend) => createPool(backend, config),
      initialState: config.healthCheck.enabled ? 'checking' : 'healthy'
    })
    fastify.decorate('registry', registry)

    registry.on('state', ({ backend, from, to, reason }) => {
      const fields = { backend: backend.address, from, to, reason, eligible: registry.eligibleCount }
      const message = `Backend[${backend.id}] ${backend.address} is ${to.toUpperCase()}, was ${from}: ${reason}`
      if (to === 'unhealthy') fastify.log.warn(fields, message)
      else fastify.log.info(fields, message)
      if (from === 'healthy' && fields.eligible === 0)
        fastify.log.error('No backend is left: requests are answered 503 until one is back')
    })

    const failures = new FailureLog((failure, repeats) => {
      const { backend, code, detail } = failure
      fastify.log.warn(
        { backend: backend.address, code, detail, repeats },
        `Backend[${backend.id}] ${backend.address} failed a request: ${detail}${repeats > 1 ? ` (${repeats} times)` : ''}`
      )
    })
    registry.on('failure', (failure) => failures.note(failure))

    fastify.addHook('onClose', async () => {
      failures.flush()
      await registry.close()
    })
  },
  { name: 'backend-registry' }
)
