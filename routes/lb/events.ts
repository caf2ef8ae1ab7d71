import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { isCrossSite } from '../../lib/admin/cross-site.js'

const RETRY_AFTER_SECONDS = 5
const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // nginx would hold events back.
  'X-Accel-Buffering': 'no'
}

/** What the page shows, as it happens: an endless response of server-sent events. */
const events: FastifyPluginAsync = async (fastify) => {
  const { broadcast } = fastify

  fastify.get('/events', (request, reply) => {
    // Pages of other sites could not read it, but take all places.
    if (isCrossSite(request.headers, request.protocol)) {
      reply.callNotFound()
    } else if (!broadcast.isOpen) {
      reply.code(503).header('Retry-After', RETRY_AFTER_SECONDS).header('Cache-Control', 'no-store').send({
        statusCode: 503,
        error: 'Service Unavailable',
        message: 'As many as may listen do so'
      })
    } else if (request.method === 'HEAD') {
      reply.headers(HEADERS).send()
    } else {
      reply.headers(HEADERS).hijack()
      reply.raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders)
      // Its connection has ended, and so it is forgotten.
      reply.raw.on('error', () => {})
      broadcast.subscribe(reply.raw)
    }
  })

  // No drain waits for those who only watch it.
  fastify.addHook('preClose', async () => broadcast.end())
}

export default fp(events, { name: 'lb/events', encapsulate: true })
