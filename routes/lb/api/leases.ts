import type { Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { noSuchLease, tooManyLeases } from '../../../lib/admin/api-error.js'
import { BearerToken } from '../../../lib/admin/bearer-token.js'
import { leasedBackend } from '../../../lib/admin/lease-address.js'
import type { Config } from '../../../lib/config/load.js'
import type { RegistrationConfig } from '../../../lib/config/settings/registration.js'
import { clientAddress, comesFrom } from '../../../lib/listener/client/connection-info.js'
import { MAX_WEIGHT } from '../../../lib/pool/spec/backend-options.js'
import { object, text } from '../stats-schema.js'
import { type Named, poolOf } from './backend-of.js'
import { errors, operation, type Place, params } from './schemas.js'
import { requireTokenOf } from './token.js'

const MIN_TTL_S = 5
const MAX_TTL_S = 300

interface Terms {
  readonly ttl: number
  readonly weight?: number
  readonly draining?: boolean
}

const ttl = {
  type: 'integer',
  minimum: MIN_TTL_S,
  maximum: MAX_TTL_S,
  description: 'Seconds until it lapses, unless it is renewed'
}
const weight = {
  type: 'integer',
  minimum: 1,
  maximum: MAX_WEIGHT,
  description: 'Share of the load in proportion to the others; 1 unless given'
}
const draining = { type: 'boolean', description: 'It gets no new requests' }
const terms = {
  type: 'object',
  additionalProperties: false,
  required: ['ttl'],
  properties: { ttl, weight, draining }
} as const
const lease = { pool: text('Its pool'), address: text('host:port'), ttl, weight, draining }

interface Options {
  readonly config: Config
  readonly registration: RegistrationConfig
  /** The server whose requests the backends get. */
  readonly balancer: Server
}

/** What backends register themselves with: for some addresses only, and for who has the token of the pool. */
const leases: FastifyPluginAsync<Options> = async (fastify, { config, registration, balancer }) => {
  const { allow, ranges, max, tokens } = registration
  const { poolSet } = fastify
  const bearers = new Map([...tokens].map(([pool, token]) => [pool, new BearerToken(token)]))
  fastify.addHook('onRequest', (request, reply, done) => {
    if (comesFrom(request.raw.socket, allow)) done()
    else reply.callNotFound()
  })
  requireTokenOf(fastify, 'LB_REGISTER_TOKEN', ({ params }) => {
    const { pool = poolSet.all[0]?.name ?? '' } = params as Partial<Named['Params']>
    return bearers.get(pool) ?? bearers.get('')
  })

  /** Ports that the balancer listens on itself. */
  const ownPorts = ({ raw }: FastifyRequest) => [
    (balancer.address() as { port?: number } | null)?.port,
    raw.socket.localPort,
    config.tls?.redirectPort
  ]
  const backendOf = (request: FastifyRequest<Named>, weight: number) =>
    leasedBackend(request.params.address, weight, {
      source: clientAddress(request.raw.socket),
      ranges,
      isOwn: (host, port) => ownPorts(request).includes(port) && isOfThisMachine(host)
    })

  for (const { ofPool, prefix } of [
    { ofPool: false, prefix: '' },
    { ofPool: true, prefix: '/pools/:pool' }
  ] satisfies Place[]) {
    const security = [{ registration: [] }]
    fastify.put<Named & { Body: Terms }>(
      `${prefix}/leases/:address`,
      {
        schema: {
          ...operation('grantLease', ofPool),
          summary: 'Registers a backend for a time, or renews that',
          security,
          params: params(ofPool),
          body: terms,
          response: {
            200: { description: 'It is renewed', ...object(lease) },
            201: { description: 'It is registered', ...object(lease) },
            ...errors
          }
        }
      },
      async (request, reply) => {
        const pool = poolOf(poolSet, request)
        const { ttl, weight = 1, draining = false } = request.body
        const backend = backendOf(request, weight)
        const granted = pool.leases!.grant({ config: backend, isDraining: draining, ttlMs: ttl * 1000 })
        if (!granted) throw tooManyLeases(max)
        reply.code(granted === 'granted' ? 201 : 200)
        return { pool: pool.name, address: backend.address, ttl, weight, draining }
      }
    )

    fastify.delete<Named>(
      `${prefix}/leases/:address`,
      {
        schema: {
          ...operation('endLease', ofPool),
          summary: 'Ends a registration: the backend finishes its requests in flight',
          security,
          params: params(ofPool),
          response: { 204: { type: 'null', description: 'It is ended' }, ...errors }
        }
      },
      async (request, reply) => {
        const { address } = backendOf(request, 1)
        if (!poolOf(poolSet, request).leases!.end(address)) throw noSuchLease()
        return reply.code(204).send()
      }
    )
  }
}

function isOfThisMachine(host: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address))
  return own.includes(host) || host.startsWith('127.')
}

export default fp(leases, { name: 'lb/api/leases', encapsulate: true })
