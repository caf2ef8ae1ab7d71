import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { isCrossSite } from '../../lib/admin/cross-site.js'

const RETRY_AFTER_SECONDS = 5
const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // nginx would buffer events.
  'X-Accel-Buffering': 'no'
}

/** The live event stream of the page: server-sent events, without end. */
export default function events(fastify: FastifyInstance): void {
  const { broadcast } = fastify

  fastify.get('/events', (request, reply) => {
    // Pages of other sites could not read it, but use up all places.
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
      // `close` follows, which removes the subscriber.
      reply.raw.on('error', () => {})
      broadcast.subscribe(reply.raw)
    }
  })

  // A drain does not wait for subscribers.
  fastify.addHook('preClose', async () => broadcast.end())
}
