import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { Http2Acceptor } from '../lib/listener/http2/acceptor.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Speaks HTTP/2 to clients; undefined if they are spoken to by HTTP/1.1 alone. */
    http2: Http2Acceptor | undefined
  }
}

/** What a stream may send before it is read, at the least (RFC 9113 section 6.9.2). */
const MIN_WINDOW_BYTES = 65_535

/** HTTP/2 to clients. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { http2, limits, maxHeadBytes, maxResponseHeadBytes, bufferSizeBytes } = config
    const acceptor =
      http2 &&
      new Http2Acceptor({
        maxStreams: http2.maxStreams,
        maxFields: limits.headers,
        maxHeadBytes,
        maxResponseHeadBytes,
        windowBytes: Math.max(bufferSizeBytes, MIN_WINDOW_BYTES),
        headTimeoutMs: limits.headTimeoutMs,
        keepAliveTimeoutMs: limits.keepAliveTimeoutMs,
        sendTimeoutMs: http2.sendTimeoutMs,
        requestsPerSession: limits.requestsPerSocket,
        onError: (error) =>
          fastify.log.debug({ code: (error as NodeJS.ErrnoException).code }, 'A session of HTTP/2 failed')
      })
    fastify.decorate('http2', acceptor)
  },
  { name: 'http2' }
)
