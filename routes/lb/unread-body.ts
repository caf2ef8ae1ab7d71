import type { FastifyInstance, FastifyReply } from 'fastify'
import { hasBody } from '../../lib/base/http/request-body.js'
import { lingeringClose } from '../../lib/listener/http1/lingering-close.js'

/**
 * Makes sure that an answer arrives that is sent before the request's body was read, and that the rest of the body is not
 * taken for a request. On a connection that stays open Node discards the body itself; of HTTP/2 the stream is reset behind it.
 */
export default async function unreadBody(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    const { raw } = request
    const isOver = raw.complete || raw.httpVersionMajor > 1 || !hasBody(raw)
    if (!isOver && (isRefused(reply) || !reply.raw.shouldKeepAlive)) {
      lingeringClose(raw)
      reply.header('Connection', 'close')
    }
    done()
  })
}

/** Whether the request was invalid: then the rest of its body is not awaited. */
function isRefused({ statusCode }: FastifyReply): boolean {
  return statusCode >= 400 && statusCode !== 404
}
