import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'

/** The metrics, in Prometheus' text format. */
const metrics: FastifyPluginAsync = async (fastify) => {
  fastify.get('/metrics', async (_request, reply) => {
    const exposition = fastify.exposition()
    reply.header('Cache-Control', 'no-store').type(exposition.contentType)
    return exposition.metrics()
  })
}

export default fp(metrics, { name: 'lb/metrics', encapsulate: true })
