import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { PushedRequest } from '../lib/listener/request/pushed-request.js'
import { hasLeft } from '../lib/proxy/client-side.js'
import type { Exchange } from '../lib/proxy/exchange.js'
import { limitRequestTime } from '../lib/proxy/request/request-time.js'
import type { Http1Response } from '../lib/proxy/response/http1-response.js'
import type { RoutedStreamResponse } from '../lib/proxy/response/stream/routed-stream-response.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The exchange with the chosen backend; null outside the proxied routes. */
    exchange: Exchange | null
  }
}

/** Chooses a backend for each request of its scope, acquires a slot on it, and leaves the exchange on the request. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { forwarder } = fastify
    fastify.decorateRequest('exchange', null)
    fastify.addHook('onRequest', (request, reply, done) => {
      const { raw, originalUrl, id } = request
      if (hasLeft(raw, reply.raw)) {
        reply.hijack()
        return
      }
      const exchange = forwarder.open(raw, reply.raw as Http1Response | RoutedStreamResponse, originalUrl, id)
      if (exchange) {
        if (raw instanceof PushedRequest) limitRequestTime(exchange, config.limits.requestTimeoutMs)
        request.exchange = exchange
        done()
      } else {
        reply.hijack()
      }
    })
  },
  { name: 'least-connections', dependencies: ['forwarder'] }
)
