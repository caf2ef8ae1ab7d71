import type { FastifyInstance } from 'fastify'

/** The metrics, in Prometheus' text format. */
export default function metrics(fastify: FastifyInstance): void {
  fastify.get('/metrics', async (_request, reply) => {
    const exposition = fastify.exposition()
    reply.header('Cache-Control', 'no-store').type(exposition.contentType)
    return exposition.metrics()
  })
}
