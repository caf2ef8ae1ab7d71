import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { Http2Acceptor } from '../lib/listener/http2/acceptor.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Serves HTTP/2 to clients; undefined if they are served over HTTP/1.1 only. */
    http2: Http2Acceptor | undefined
  }
}

/** The initial flow-control window of a stream (RFC 9113 section 6.9.2), which ours is never below. */
const MIN_WINDOW_BYTES = 65_535

/** HTTP/2 with clients. */
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
