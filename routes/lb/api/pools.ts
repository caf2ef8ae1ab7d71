import type { FastifyInstance } from 'fastify'
import { errors, pools } from './schemas.js'

/** The list of pools. */
export default function poolList(fastify: FastifyInstance): void {
  fastify.get(
    '/pools',
    {
      schema: {
        operationId: 'listPools',
        summary: 'All pools',
        response: { 200: pools, ...errors }
      }
    },
    (_request, reply) => {
      reply.send({
        pools: fastify.poolSet.all.map(({ name, backendList, registry }) => ({
          name,
          version: backendList.version,
          backends: registry.backends.length,
          eligible: registry.eligibleCount
        }))
      })
    }
  )
}
