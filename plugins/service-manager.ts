import fp from 'fastify-plugin'
import { ServiceManager } from '../lib/service/service-manager.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** What supervises this process and wants to know of its state; undefined if nothing does. */
    serviceManager: ServiceManager | undefined
  }
}

/** Tells systemd of the end of the service; others tell it of the rest. */
export default fp(
  async (fastify) => {
    const { log, drainTerms } = fastify
    const describe = () => {
      const registries = fastify.routedPools?.running.map(({ instance }) => instance.registry) ?? [
        fastify.registry
      ]
      const eligible = registries.reduce((sum, { eligibleCount }) => sum + eligibleCount, 0)
      const count = registries.reduce((sum, { backends }) => sum + backends.length, 0)
      return `${eligible} of ${count} backends are eligible`
    }
    const manager = ServiceManager.isThere(process.env)
      ? new ServiceManager({ describe, warn: (message) => log.warn(message) })
      : undefined
    fastify.decorate('serviceManager', manager)
    if (!manager) return
    fastify.addHook('preClose', async () => {
      if (!drainTerms.isHandover) void manager.stopping()
    })
    fastify.addHook('onClose', async () => manager.unwatch())
  },
  { name: 'service-manager', dependencies: ['listening-sockets', 'backend-registry'] }
)
