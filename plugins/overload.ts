import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { isAdminTarget } from '../lib/base/http/request-target.js'
import {
  countRequest,
  refuseFurtherRequests,
  refusesFurtherRequests,
  setLatestPipelined
} from '../lib/listener/http1/client-connection.js'
import { UpgradableRequest } from '../lib/listener/http1/upgradable-request.js'
import { BalancerCell } from '../lib/pool/cells.js'
import { EXPECTATION_FAILED, UNKNOWN_METHOD } from '../lib/proxy/failure.js'
import { isKnownMethod } from '../lib/proxy/request/request-check.js'
import type { Http1Response } from '../lib/proxy/response/http1-response.js'
import { closeAfter } from '../lib/proxy/response/response-start.js'
import { RoutedResponse } from '../lib/proxy/response/routed-response.js'

/**
 * Answers requests that need no backend before Fastify sees them, such as those beyond the limit. The administration's
 * paths stay available during overload, as that is when they are needed.
 */
export default fp(
  async (fastify) => {
    const { server, registry, rejectRequest, tryLocalReply, http1 } = fastify
    const [route] = server.listeners('request') as ((req: IncomingMessage, res: Http1Response) => void)[]
    const accept = (req: IncomingMessage, res: Http1Response) => {
      const { socket } = req
      if (refusesFurtherRequests(socket)) return
      const { maxRequestsPerSocket } = server
      const isLast = maxRequestsPerSocket! > 0 && countRequest(socket) >= maxRequestsPerSocket!
      // Those that have come before the drain are answered, and the last of them ends the connection.
      const isFollowed = res instanceof RoutedResponse && res.isFollowed
      if (isLast || (registry.draining && !isFollowed)) res.shouldKeepAlive = false
      // Whatever a client sends after its last request is ignored (RFC 9112 section 9.6).
      if (!res.shouldKeepAlive) refuseFurtherRequests(socket)
      if (req instanceof UpgradableRequest && req.upgradeSeen)
        req.onLoss = () => {
          // One that was answered before its end has nothing to come that could end the connection.
          if (res.writableFinished) socket.destroySoon()
          else closeAfter(res)
          refuseFurtherRequests(socket)
        }
      if (res.socket === null) setLatestPipelined(socket, res)
      if (!isKnownMethod(req.method!)) rejectRequest(req, res, UNKNOWN_METHOD, BalancerCell.rejectedRequest)
      else if (isAdminTarget(req.url!)) route!(req, res)
      else if (!tryLocalReply(req, res)) (http1.forward ?? route!)(req, res)
    }
    server.removeAllListeners('request')
    server.on('request', accept)
    // The backend decides whether a body is sent.
    server.on('checkContinue', (req: IncomingMessage, res: Http1Response) => {
      if (isAdminTarget(req.url!)) res.writeContinue()
      accept(req, res)
    })
    server.on('checkExpectation', (req: IncomingMessage, res: Http1Response) => {
      if (!refusesFurtherRequests(req.socket))
        rejectRequest(req, res, EXPECTATION_FAILED, BalancerCell.rejectedRequest)
    })
  },
  { name: 'overload', dependencies: ['backend-registry', 'local-replies', 'connections'] }
)
