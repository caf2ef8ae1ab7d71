import type { Http2ServerRequest } from 'node:http2'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { hasBody } from '../../lib/base/http/request-body.js'
import { lingeringClose } from '../../lib/listener/http1/lingering-close.js'
import { resetAfterEnd } from '../../lib/listener/http2/reset-after-end.js'

/**
 * Makes sure that an answer arrives that is sent before the request's body was read, and that the rest of the body is not
 * taken for a request. On a connection that stays open Node discards the body itself.
 */
export default async function unreadBody(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    const { raw } = request
    // Of HTTP/2; Fastify's types know only HTTP/1.1.
    const { stream } = raw as unknown as Partial<Http2ServerRequest>
    if (stream) {
      if (!stream.endAfterHeaders && !stream.readableEnded) resetAfterEnd(stream, () => raw.resume())
    } else if (!raw.complete && hasBody(raw) && (isRefused(reply) || !reply.raw.shouldKeepAlive)) {
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
