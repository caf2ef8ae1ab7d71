import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { backendView } from '../../../lib/observe/backend-view.js'
import { backendOf } from './backend-of.js'
import { errors, list, params, view } from './schemas.js'

/** The routes that read. */
const reads: FastifyPluginAsync = async (fastify) => {
  const { backendList, registry } = fastify

  fastify.get(
    '/backends',
    {
      schema: {
        operationId: 'listBackends',
        summary: 'All backends, with their options, orders, state and counters',
        response: { 200: list, ...errors }
      }
    },
    (_request, reply) => {
      reply.header('ETag', `"${backendList.version}"`)
      reply.send({ version: backendList.version, backends: registry.backends.map(backendView) })
    }
  )

  fastify.get<{ Params: { address: string } }>(
    '/backends/:address',
    {
      schema: {
        operationId: 'getBackend',
        summary: 'One backend',
        params,
        response: { 200: view, ...errors }
      }
    },
    (request, reply) => {
      const backend = backendOf(registry, request.params)
      reply.header('ETag', `"${backendList.version}"`).send(backendView(backend))
    }
  )
}

export default fp(reads, { name: 'lb/api/reads', encapsulate: true })
