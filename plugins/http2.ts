import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { LARGEST_RESPONSE_HEAD } from '../lib/config/schema.js'
import type { Http2Acceptor } from '../lib/listener/http2/acceptor.js'
import type { Http2Options } from '../lib/listener/http2/options.js'

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
    // Loaded only where it is spoken.
    const createAcceptor = (options: Http2Options) => {
      const { Http2Acceptor: Acceptor } =
        require('../lib/listener/http2/acceptor.js') as typeof import('../lib/listener/http2/acceptor.js')
      return new Acceptor(options)
    }
    const acceptor =
      http2 &&
      createAcceptor({
        maxStreams: http2.maxStreams,
        maxFields: limits.headers,
        maxHeadBytes,
        // Pools have limits of their own, and a reload may bring others.
        maxResponseHeadBytes: config.routing ? LARGEST_RESPONSE_HEAD : maxResponseHeadBytes,
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
