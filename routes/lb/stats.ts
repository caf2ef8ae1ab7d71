import type { FastifyInstance } from 'fastify'
import { statisticsSchema } from './stats-schema.js'

/** The statistics as JSON. */
export default function stats(fastify: FastifyInstance): void {
  fastify.get('/stats', { schema: { response: { 200: statisticsSchema } } }, (_request, reply) => {
    reply.header('Cache-Control', 'no-store').send(fastify.statistics())
  })
}
