import type { Http2ServerRequest } from 'node:http2'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { hasBody } from '../../lib/base/http/request-body.js'
import { lingeringClose } from '../../lib/listener/http1/lingering-close.js'
import { resetAfterEnd } from '../../lib/listener/http2/reset-after-end.js'

/**
 * Has what is answered before its body has come arrive, and leaves nothing of that body to be taken for a request. Of a
 * connection that goes on Node throws the body away by itself.
 */
export default async function unreadBody(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    const { raw } = request
    // Of HTTP/2, where the types of Fastify know but HTTP/1.1.
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

/** Whether a request to a page that there is was wrong: what else may come with it is not waited for. */
function isRefused({ statusCode }: FastifyReply): boolean {
  return statusCode >= 400 && statusCode !== 404
}
