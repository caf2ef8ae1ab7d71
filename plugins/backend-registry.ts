import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import type { Sockets } from '../lib/health/probe.js'
import { BackendLog, internalErrorLog, logNameLookups } from '../lib/observe/backend-log.js'
import { Registry } from '../lib/pool/registry.js'
import type { RegistryOptions } from '../lib/pool/registry-options.js'
import { announceBackends } from '../lib/threads/announce-backends.js'
import type { FollowedPool } from '../lib/threads/messages.js'
import type { PoolLink } from '../lib/threads/owner-link.js'
import { createPool } from '../lib/transport/backend-connections.js'
import { Resolver } from '../lib/transport/resolver/resolver.js'

declare module 'fastify' {
  interface FastifyInstance {
    registry: Registry
    /** Of the names of backends. */
    resolver: Resolver
    /** What all connections to backends have in common. */
    backendSockets: Sockets
  }
}

interface Options {
  readonly config: Config
  /** The same pool in the thread that decides, if this is another. */
  readonly followed?: (FollowedPool & { readonly link: PoolLink }) | undefined
  /** The registry of the pool before its settings changed. */
  readonly predecessor?: Registry | undefined
}

/** Decorates the server with the registry of backends, logs what changes in it, and closes its pools at the end. */
export default fp<Options>(
  async (fastify, { config, followed, predecessor }) => {
    const { log, ownerLog } = fastify
    const { resilience, healthCheck } = config
    const resolver = new Resolver()
    const sockets = { credentials: fastify.backendCredentials, resolver }
    logNameLookups(log, resolver)
    const onInternalError = internalErrorLog(log)
    const options: RegistryOptions = {
      createPool: (backend) =>
        createPool(backend, {
          ...config,
          maxHeadBytes: config.maxResponseHeadBytes,
          ...sockets,
          onInternalError
        }),
      slowStartMs: resilience.slowStartMs,
      panic: resilience.panic,
      initialState: healthCheck.enabled ? 'checking' : 'healthy',
      cells: fastify.cells,
      following: followed?.link.following(followed.backends.map(({ id }) => id))
    }
    const backends = followed ? followed.backends.map((backend) => backend.config) : config.backends
    const registry = new Registry(backends, options, predecessor)
    const backendLog = new BackendLog(ownerLog, registry)
    if (fastify.tellThreads) announceBackends(registry, fastify.cells.name, fastify.tellThreads)
    fastify.decorate('resolver', resolver)
    fastify.decorate('backendSockets', sockets)
    fastify.decorate('registry', registry)

    for (const { address, tlsNoVerify } of backends) {
      if (tlsNoVerify)
        ownerLog.warn(
          { backend: address },
          `${address} is believed whatever certificate it shows: whoever is on the way can read and change everything`
        )
    }
    fastify.addHook('onClose', async () => {
      backendLog.flush()
      await registry.close()
    })
  },
  { name: 'backend-registry', dependencies: ['backend-credentials', 'cells'] }
)
