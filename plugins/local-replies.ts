import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import type { TotalCell } from '../lib/base/cells/cell.js'
import type { Counters } from '../lib/base/cells/counters.js'
import type { Config } from '../lib/config/load.js'
import type { RequestMetrics } from '../lib/observe/metrics/request-metrics.js'
import { BalancerCell } from '../lib/pool/cells.js'
import { type Failure, OVERLOADED } from '../lib/proxy/failure.js'
import { replyToOptions, sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import { lastHopReply } from '../lib/proxy/request/max-forwards.js'
import type { ClientStream } from '../lib/proxy/response/client-stream.js'
import type { RouteEntry } from '../lib/proxy/route/route-entry.js'

/**
 * Answers a request with a failure, counts it, and logs it.
 * @param cell the balancer's counter of the reason (`BalancerCell`)
 * @param fields further fields of the answer
 * @param route that the request has matched
 */
export type RejectRequest = (
  req: IncomingMessage,
  res: ClientStream,
  failure: Failure,
  cell: TotalCell,
  fields?: readonly string[],
  route?: RouteEntry
) => void

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Answers a request that must not reach a backend: one of a client that is denied or over its rate limit, one beyond
     * the limit of requests in flight, or one whose Max-Forwards is 0. Returns whether it did.
     */
    tryLocalReply(req: IncomingMessage, res: ClientStream): boolean
    /** Rejects a request that no pool is to blame for. */
    rejectRequest: RejectRequest
    /** Makes what rejects requests, and counts them there. */
    rejecter(counters: Counters, requests: RequestMetrics): RejectRequest
  }
}

interface Options {
  readonly config: Config
  /** Writes the answer for a failure; another server than the balancer's own may have its own way. */
  readonly answer?: typeof sendLocalReply
}

/** Requests that the balancer answers itself. */
export default fp<Options>(
  async (fastify, { config, answer = sendLocalReply }) => {
    const { registry, requestMetrics, rejectionOf, recordLocalReply } = fastify
    const { maxConnections, limits, methods } = config
    const { counters } = registry

    const rejecter: typeof fastify.rejecter =
      (counters, requests) => (req, res, failure, cell, fields, route) => {
        counters.addTotal(cell, 1)
        requests.count(req.method!, failure.statusCode, undefined, 0)
        route?.counts.countAnswer(failure.statusCode)
        recordLocalReply?.(req, res, failure, route)
        answer(req, res, failure, fields, route)
      }
    const rejectRequest = rejecter(counters, requestMetrics)
    fastify.decorate('rejecter', rejecter)
    fastify.decorate('rejectRequest', rejectRequest)

    const tryLocalReply = (req: IncomingMessage, res: ClientStream) => {
      const rejection = rejectionOf?.(req)
      if (rejection) {
        rejectRequest(req, res, rejection.failure, rejection.cell, rejection.fields)
        return true
      }
      if (counters.sum(BalancerCell.inFlight) < maxConnections) return replyAtLastHop(req, res)
      rejectRequest(req, res, OVERLOADED, BalancerCell.rejectedOverload)
      return true
    }
    const replyAtLastHop = (req: IncomingMessage, res: ClientStream) => {
      const reply = lastHopReply(req, limits)
      if (reply === undefined) return false
      if (reply === 'options') {
        recordLocalReply?.(req, res)
        replyToOptions(req, res, methods)
      } else {
        rejectRequest(req, res, reply, BalancerCell.rejectedRequest)
      }
      return true
    }
    fastify.decorate('tryLocalReply', tryLocalReply)
  },
  { name: 'local-replies', dependencies: ['backend-registry', 'pool-set', 'access', 'access-log'] }
)
