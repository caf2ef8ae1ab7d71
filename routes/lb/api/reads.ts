import type { FastifyInstance } from 'fastify'
import { backendView } from '../../../lib/observe/backend-view.js'
import { backendOf, type Named, poolOf } from './backend-of.js'
import { errors, list, operation, type Place, params, poolParams, view } from './schemas.js'

/** The routes that read backends. */
export default function reads(fastify: FastifyInstance, { ofPool, prefix = '' }: Place): void {
  const { poolSet } = fastify

  fastify.get(
    `${prefix}/backends`,
    {
      schema: {
        ...operation('listBackends', ofPool),
        summary: 'All backends, with their options, orders, state and counters',
        ...(ofPool ? { params: poolParams } : {}),
        response: { 200: list, ...errors }
      }
    },
    (request, reply) => {
      const { name, backendList, registry } = poolOf(poolSet, request)
      const { version } = backendList
      reply.header('ETag', `"${version}"`)
      reply.send({ version, backends: registry.backends.map((backend) => backendView(backend, name)) })
    }
  )

  fastify.get<Named>(
    `${prefix}/backends/:address`,
    {
      schema: {
        ...operation('getBackend', ofPool),
        summary: 'One backend',
        params: params(ofPool),
        response: { 200: view, ...errors }
      }
    },
    (request, reply) => {
      const pool = poolOf(poolSet, request)
      const backend = backendOf(pool, request.params)
      reply.header('ETag', `"${pool.backendList.version}"`).send(backendView(backend, pool.name))
    }
  )
}
