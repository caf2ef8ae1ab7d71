import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { BalancerCell } from '../lib/counters.js'
import { Exchange, type Forwarding } from '../lib/forward/exchange.js'
import { NO_BACKEND } from '../lib/forward/failure.js'
import { answerRaw } from '../lib/forward/raw-answer.js'
import { checkRequest } from '../lib/forward/request-check.js'
import { outgoingRequest } from '../lib/forward/request-head.js'
import { ResponseTimeouts } from '../lib/forward/response-timeouts.js'
import { leastConnections } from '../lib/least-connections.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The exchange with the chosen backend; null outside the proxied routes. */
    exchange: Exchange | null
  }
}

/** Chooses a backend for each request of its scope, takes a slot on it, and leaves the exchange on the request. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { registry, latency } = fastify
    const { backends, counters } = registry
    const timeouts = new ResponseTimeouts(config.responseTimeoutMs)
    fastify.addHook('onClose', async () => timeouts.stop())
    const forwarding: Forwarding = {
      registry,
      latency,
      timeouts,
      select: (tried) => leastConnections(backends, Math.random, tried)
    }
    fastify.decorateRequest('exchange', null)
    fastify.addHook('onRequest', (request, reply, done) => {
      const destination = checkRequest(request.raw, request.originalUrl)
      if ('statusCode' in destination) {
        reply.hijack()
        answerRaw(request.raw, reply.raw, destination)
        return
      }
      const backend = leastConnections(backends, Math.random)
      if (!backend) {
        counters.addTotal(BalancerCell.rejectedNoBackend, 1)
        reply.hijack()
        answerRaw(request.raw, reply.raw, NO_BACKEND)
        return
      }
      backend.acquire()
      const exchange = new Exchange(request.raw, reply.raw, backend, forwarding)
      request.exchange = exchange
      exchange.request = outgoingRequest(request.raw, destination, {
        requestId: request.id,
        forwarded: config.forwarded
      })
      done()
    })
  },
  { name: 'least-connections', dependencies: ['backend-registry', 'statistics'] }
)
