import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { isAdminTarget } from '../lib/base/http/request-target.js'
import {
  refuseFurtherRequests,
  refusesFurtherRequests,
  setLatestPipelined
} from '../lib/listener/http1/client-connection.js'
import { BalancerCell } from '../lib/pool/counters.js'
import { EXPECTATION_FAILED, UNKNOWN_METHOD } from '../lib/proxy/failure.js'
import { isKnownMethod } from '../lib/proxy/request/request-check.js'
import type { Http1Response } from '../lib/proxy/response/http1-response.js'

/**
 * Answers what needs no backend before Fastify sees it, such as a request too many. The balancer's own paths stay open,
 * as overload is when one looks at them.
 */
export default fp(
  async (fastify) => {
    const { server, registry, rejectRequest, tryLocalReply } = fastify
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
  { name: 'overload', dependencies: ['backend-registry', 'local-replies'] }
)
