import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { statisticsSchema } from './stats-schema.js'

/** The statistics as JSON. */
const stats: FastifyPluginAsync = async (fastify) => {
  fastify.get('/stats', { schema: { response: { 200: statisticsSchema } } }, (_request, reply) => {
    reply.header('Cache-Control', 'no-store').send(fastify.statistics())
  })
}

export default fp(stats, { name: 'lb/stats', encapsulate: true })
