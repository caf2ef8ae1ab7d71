import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { isAdminTarget } from '../lib/base/http/request-target.js'
import type { Config } from '../lib/config/load.js'
import {
  refuseFurtherRequests,
  refusesFurtherRequests,
  setLatestPipelined
} from '../lib/listener/http1/client-connection.js'
import { NO_BACKEND_ID } from '../lib/pool/backend-id.js'
import { BalancerCell } from '../lib/pool/counters.js'
import { EXPECTATION_FAILED, type Failure, OVERLOADED, UNKNOWN_METHOD } from '../lib/proxy/failure.js'
import { forwardsLeft, lastHopFailure } from '../lib/proxy/request/max-forwards.js'
import { checkRequest, isKnownMethod } from '../lib/proxy/request/request-check.js'
import type { ClientStream } from '../lib/proxy/response/client-stream.js'
import type { Http1Response } from '../lib/proxy/response/http1-response.js'
import { answerOptions, answerRaw } from '../lib/proxy/response/raw-answer.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Whether a request goes no further, as its client may send none, or as there is no room for one more, or as it says
     * so itself: it is then answered, and counted if it was refused.
     */
    tryLocalReply(req: IncomingMessage, res: ClientStream): boolean
    /**
     * Answers a request that no backend is asked for, counts it, and has it logged.
     * @param cell of the balancer's counters, for the reason
     * @param fields of the answer, beside the usual ones
     */
    rejectRequest(
      req: IncomingMessage,
      res: ClientStream,
      failure: Failure,
      cell: number,
      fields?: readonly string[]
    ): void
  }
}

/**
 * Bounds the requests in flight. One too many is answered before Fastify sees it. The balancer's own paths stay open,
 * as overload is when one looks at them. Here ends, too, what may be passed on no more.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { server, registry, requestMetrics, rejectionOf, recordLocalReply } = fastify
    const { maxConnections, limits, methods } = config
    const { counters } = registry

    const rejectRequest: typeof fastify.rejectRequest = (req, res, failure, cell, fields) => {
      counters.addTotal(cell, 1)
      requestMetrics.count(req.method!, failure.statusCode, NO_BACKEND_ID, 0)
      recordLocalReply?.(req, res, failure)
      answerRaw(req, res, failure, fields)
    }
    fastify.decorate('rejectRequest', rejectRequest)

    const tryLocalReply = (req: IncomingMessage, res: ClientStream) => {
      const rejection = rejectionOf?.(req)
      if (rejection) {
        rejectRequest(req, res, rejection.failure, rejection.cell, rejection.fields)
        return true
      }
      if (counters.get(BalancerCell.inFlight) < maxConnections) return endsHere(req, res)
      rejectRequest(req, res, OVERLOADED, BalancerCell.rejectedOverload)
      return true
    }
    const endsHere = (req: IncomingMessage, res: ClientStream) => {
      const left = forwardsLeft(req)
      if (left === undefined || left > 0) return false
      // One that is wrong is refused where all are.
      if ('statusCode' in checkRequest(req, req.url!, limits)) return false
      const failure = lastHopFailure(req.method!, left)
      if (failure) {
        rejectRequest(req, res, failure, BalancerCell.rejectedRequest)
      } else {
        recordLocalReply?.(req, res)
        answerOptions(req, res, methods)
      }
      return true
    }
    fastify.decorate('tryLocalReply', tryLocalReply)

    const [route] = server.listeners('request') as ((req: IncomingMessage, res: Http1Response) => void)[]
    const accept = (req: IncomingMessage, res: Http1Response) => {
      const { socket } = req
      if (refusesFurtherRequests(socket)) return
      if (registry.draining) res.shouldKeepAlive = false
      // What a client sends behind its last request is none (RFC 9112 section 9.6).
      if (!res.shouldKeepAlive) refuseFurtherRequests(socket)
      if (res.socket === null) setLatestPipelined(socket, res)
      if (!isKnownMethod(req.method!)) rejectRequest(req, res, UNKNOWN_METHOD, BalancerCell.rejectedRequest)
      else if (isAdminTarget(req.url!) || !tryLocalReply(req, res)) route!(req, res)
    }
    server.removeAllListeners('request')
    server.on('request', accept)
    // Whether a body is to come is for the backend to say.
    server.on('checkContinue', (req: IncomingMessage, res: Http1Response) => {
      if (isAdminTarget(req.url!)) res.writeContinue()
      accept(req, res)
    })
    server.on('checkExpectation', (req: IncomingMessage, res: Http1Response) => {
      if (!refusesFurtherRequests(req.socket))
        rejectRequest(req, res, EXPECTATION_FAILED, BalancerCell.rejectedRequest)
    })
  },
  { name: 'overload', dependencies: ['backend-registry', 'metrics', 'access', 'access-log'] }
)
