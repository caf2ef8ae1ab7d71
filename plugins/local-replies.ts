import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { NO_BACKEND_ID } from '../lib/pool/backend-id.js'
import { BalancerCell } from '../lib/pool/counters.js'
import { type Failure, OVERLOADED } from '../lib/proxy/failure.js'
import { replyToOptions, sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import { forwardsLeft, lastHopFailure } from '../lib/proxy/request/max-forwards.js'
import { checkRequest } from '../lib/proxy/request/request-check.js'
import type { ClientStream } from '../lib/proxy/response/client-stream.js'

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

interface Options {
  readonly config: Config
  /** Answers a request with a failure, with more fields than such answers have anyway. */
  readonly answer?: typeof sendLocalReply
}

/** What is answered without asking a backend: what may not be sent, and what may be passed on no more. */
export default fp<Options>(
  async (fastify, { config, answer = sendLocalReply }) => {
    const { registry, requestMetrics, rejectionOf, recordLocalReply } = fastify
    const { maxConnections, limits, methods } = config
    const { counters } = registry

    const rejectRequest: typeof fastify.rejectRequest = (req, res, failure, cell, fields) => {
      counters.addTotal(cell, 1)
      requestMetrics.count(req.method!, failure.statusCode, NO_BACKEND_ID, 0)
      recordLocalReply?.(req, res, failure)
      answer(req, res, failure, fields)
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
        replyToOptions(req, res, methods)
      }
      return true
    }
    fastify.decorate('tryLocalReply', tryLocalReply)
  },
  { name: 'local-replies', dependencies: ['backend-registry', 'metrics', 'access', 'access-log'] }
)
