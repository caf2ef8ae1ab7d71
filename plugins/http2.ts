import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import type { Http2Acceptor } from '../lib/listener/http2/acceptor.js'
import type { Http2Options } from '../lib/listener/http2/options.js'
import { SPECIAL_FIELDS } from '../lib/proxy/request/request-head.js'

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
    const { http2, limits, maxHeadBytes, bufferSizeBytes } = config
    // Loaded only where it is spoken.
    const createAcceptor = (options: Omit<Http2Options, 'reader'>) => {
      const { Http2Acceptor: Acceptor } =
        require('../lib/listener/http2/acceptor.js') as typeof import('../lib/listener/http2/acceptor.js')
      const { RequestHeadReader } =
        require('../lib/listener/http2/request/request-head.js') as typeof import('../lib/listener/http2/request/request-head.js')
      const reader = new RequestHeadReader({ ...limits, fields: limits.headers, special: SPECIAL_FIELDS })
      return new Acceptor({ ...options, reader })
    }
    const acceptor =
      http2 &&
      createAcceptor({
        maxStreams: http2.maxStreams,
        maxFields: limits.headers,
        maxHeadBytes,
        windowBytes: Math.max(bufferSizeBytes, MIN_WINDOW_BYTES),
        headTimeoutMs: limits.headTimeoutMs,
        keepAliveTimeoutMs: limits.keepAliveTimeoutMs,
        bodyTimeoutMs: limits.bodyTimeoutMs,
        sendTimeoutMs: http2.sendTimeoutMs,
        requestsPerConnection: limits.requestsPerSocket,
        onError: ({ message }) => fastify.log.debug({ reason: message }, 'A connection of HTTP/2 failed')
      })
    fastify.decorate('http2', acceptor)
  },
  { name: 'http2' }
)
