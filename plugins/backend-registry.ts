import fp from 'fastify-plugin'
import { describeNetworkError } from '../lib/base/network-error.js'
import type { Config } from '../lib/config/load.js'
import type { Sockets } from '../lib/health/probe.js'
import { FailureLog } from '../lib/observe/failure-log.js'
import { Registry } from '../lib/pool/registry.js'
import { createPool } from '../lib/transport/backend-connections.js'
import { Resolver } from '../lib/transport/resolver/resolver.js'
import { BackendCredentials } from '../lib/transport/sockets/credentials.js'

declare module 'fastify' {
  interface FastifyInstance {
    registry: Registry
    /** For TLS to backends. */
    backendCredentials: BackendCredentials
    /** Of the names of backends. */
    resolver: Resolver
    /** What all connections to backends have in common. */
    backendSockets: Sockets
  }
}

const ROTATION_CHANGES = {
  ejected: 'is ejected',
  returned: 'is back from its ejection',
  draining: 'is being drained',
  'drain ended': 'is drained no more'
} as const

/** Decorates the server with the registry of backends, logs what changes in it, and closes its pools at the end. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const credentials = new BackendCredentials(config.backendTls)
    fastify.decorate('backendCredentials', credentials)
    const resolver = new Resolver()
    const sockets = { credentials, resolver }
    fastify.decorate('resolver', resolver)
    fastify.decorate('backendSockets', sockets)
    resolver.on('changed', ({ hostname, addresses, before }) =>
      fastify.log.info(
        { host: hostname, addresses, before },
        `${hostname} has moved to ${addresses.join(', ')} from ${before.join(', ')}`
      )
    )
    resolver.on('failing', ({ hostname, error, isKnown }) => {
      const reason = describeNetworkError(error)
      const kept = isKnown ? ': its last addresses are kept' : ''
      fastify.log.warn({ host: hostname, reason }, `${hostname} is not resolved (${reason})${kept}`)
    })
    resolver.on('recovered', ({ hostname, addresses }) =>
      fastify.log.info({ host: hostname, addresses }, `${hostname} is resolved: ${addresses.join(', ')}`)
    )
    const registry = new Registry(config.backends, {
      createPool: (backend) =>
        createPool(backend, { ...config, maxHeadBytes: config.maxResponseHeadBytes, ...sockets }),
      slowStartMs: config.resilience.slowStartMs,
      panic: config.resilience.panic,
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

    registry.on('rotation', ({ backend, kind, reason }) => {
      const fields = { backend: backend.address, kind, reason, eligible: registry.eligibleCount }
      const message = `Backend[${backend.id}] ${backend.address} ${ROTATION_CHANGES[kind]}: ${reason}`
      if (kind === 'ejected') fastify.log.warn(fields, message)
      else fastify.log.info(fields, message)
    })
    registry.on('added', ({ id, address }) =>
      fastify.log.info({ backend: address }, `Backend[${id}] ${address} has joined`)
    )
    registry.on('removed', ({ id, address, active }) =>
      fastify.log.info(
        { backend: address, inFlight: active },
        `Backend[${id}] ${address} has left, with ${active} requests in flight`
      )
    )
    registry.on('reconfigured', ({ id, address, weight, config }) =>
      fastify.log.info(
        { backend: address, weight, max: config.max, backup: config.backup },
        `Backend[${id}] ${address} is set up anew`
      )
    )
    registry.on('panic', (begins) => {
      if (begins) fastify.log.error('No backend is healthy: requests go to unhealthy ones')
      else fastify.log.info('Requests go to healthy backends alone again')
    })

    for (const { address, tlsNoVerify } of config.backends) {
      if (tlsNoVerify)
        fastify.log.warn(
          { backend: address },
          `${address} is believed whatever certificate it shows: whoever is on the way can read and change everything`
        )
    }

    const failures = new FailureLog((failure, repeats) => {
      const { backend, code, detail } = failure
      fastify.log.warn(
        { backend: backend.address, code, detail, repeats },
        `Backend[${backend.id}] ${backend.address} failed a request: ${detail}${repeats > 1 ? ` (${repeats} times)` : ''}`
      )
    })
    registry.on('failure', (failure) => failures.record(failure))

    fastify.addHook('onClose', async () => {
      failures.flush()
      await registry.close()
    })
  },
  { name: 'backend-registry' }
)
