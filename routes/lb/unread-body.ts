import type { Http2ServerRequest } from 'node:http2'
import type { FastifyInstance } from 'fastify'
import { lingerAfter } from '../../lib/forward/linger.js'
import { resetAfterEnd } from '../../lib/http2/reset-after-end.js'

/** Has what is answered before its body has come arrive, and leaves nothing of that body to be taken for a request. */
export default async function unreadBody(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    const { raw } = request
    // Of HTTP/2, where the types of Fastify know but HTTP/1.1.
    const { stream } = raw as unknown as Partial<Http2ServerRequest>
    if (stream) {
      if (!stream.endAfterHeaders && !stream.readableEnded) resetAfterEnd(stream, () => raw.resume())
    } else if (!raw.complete) {
      lingerAfter(raw)
      reply.header('Connection', 'close')
    }
    done()
  })
}
