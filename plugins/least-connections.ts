import type { IncomingMessage, ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { BalancerCell } from '../lib/counters.js'
import { Exchange } from '../lib/forward/exchange.js'
import { NO_BACKEND } from '../lib/forward/failure.js'
import type { Forwarding } from '../lib/forward/forwarding.js'
import { answerRaw } from '../lib/forward/raw-answer.js'
import { checkRequest } from '../lib/forward/request-check.js'
import { outgoingRequest } from '../lib/forward/request-head.js'
import { ResponseTimeouts } from '../lib/forward/response-timeouts.js'
import { leastConnections } from '../lib/least-connections.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Chooses a backend for a request and takes a slot on it, which passes to the exchange; answers the request, and
     * returns nothing, if it cannot be passed on or no backend is eligible.
     * @param upgrade the protocols that it offers to change to
     */
    openExchange(
      req: IncomingMessage,
      res: ServerResponse,
      target: string,
      id: string,
      upgrade?: string
    ): Exchange | undefined
  }
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
    const { limits, forwarded, trustedProxies: trusted } = config
    const timeouts = new ResponseTimeouts(config.responseTimeoutMs)
    fastify.addHook('onClose', async () => timeouts.stop())
    const forwarding: Forwarding = {
      registry,
      latency,
      timeouts,
      maxBodyBytes: limits.bodyBytes,
      bodyTimeoutMs: limits.bodyTimeoutMs,
      select: (tried) => leastConnections(backends, Math.random, tried)
    }
    fastify.decorate('openExchange', (req, res, target, id, upgrade) => {
      const destination = checkRequest(req, target, limits)
      if ('statusCode' in destination) {
        counters.addTotal(BalancerCell.rejectedRequest, 1)
        answerRaw(req, res, destination)
        return undefined
      }
      const backend = leastConnections(backends, Math.random)
      if (!backend) {
        counters.addTotal(BalancerCell.rejectedNoBackend, 1)
        answerRaw(req, res, NO_BACKEND)
        return undefined
      }
      backend.acquire()
      const request = outgoingRequest(req, destination, { requestId: id, forwarded, trusted }, upgrade)
      return new Exchange(req, res, request, backend, forwarding)
    })
    fastify.decorateRequest('exchange', null)
    fastify.addHook('onRequest', (request, reply, done) => {
      const { raw, originalUrl, id } = request
      const exchange = fastify.openExchange(raw, reply.raw, originalUrl, id)
      if (exchange) {
        request.exchange = exchange
        done()
      } else {
        reply.hijack()
      }
    })
  },
  { name: 'least-connections', dependencies: ['backend-registry', 'statistics'] }
)
