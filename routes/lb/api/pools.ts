import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { errors, pools } from './schemas.js'

/** The list of pools. */
const poolList: FastifyPluginAsync = async (fastify) => {
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

export default fp(poolList, { name: 'lb/api/pools', encapsulate: true })
