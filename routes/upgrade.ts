import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { isAdminTarget } from '../lib/base/http/request-target.js'
import type { Config } from '../lib/config/load.js'
import { setAwaitingRequest } from '../lib/listener/http1/client-connection.js'
import { offeredProtocols } from '../lib/listener/http1/upgradable-request.js'
import { requestId } from '../lib/listener/request-id.js'
import { BalancerCell } from '../lib/pool/cells.js'
import { BAD_REQUEST, UNKNOWN_METHOD } from '../lib/proxy/failure.js'
import { sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import { inTurn, responseOn } from '../lib/proxy/response/detached-socket.js'
import { isLast } from '../lib/proxy/response/response-start.js'

/**
 * Upgrade requests, whose sockets Node hands over. If a backend agrees, bytes pass in both directions from then on;
 * otherwise the connection goes on with HTTP.
 */
const upgrade: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  const { limits } = config
  const serve = (req: IncomingMessage, socket: Socket, early: Buffer) => {
    const res = responseOn(socket, req)
    // Node would count the requests of the connection from zero again.
    if (limits.requestsPerSocket > 0 || fastify.registry.draining) res.shouldKeepAlive = false
    res.once('finish', () => {
      if (!isLast(res)) serveNext(socket, early)
    })
    const target = req.url!
    if (isAdminTarget(target)) {
      fastify.rejectRequest(req, res, BAD_REQUEST, BalancerCell.rejectedRequest)
      return
    }
    if (fastify.tryLocalReply(req, res)) return
    const exchange = fastify.forwarder.open(req, res, target, requestId(req), offeredProtocols(req))
    exchange?.start(() => {
      if (exchange.failure) {
        sendLocalReply(req, res, exchange.failure, undefined, exchange.by.route)
        return
      }
      exchange.writeHead()
      if (exchange.changesProtocol) exchange.startTunnel(early)
    })
  }
  const serveNext = (socket: Socket, early: Buffer) => {
    if (early.length > 0) socket.unshift(early)
    // The keep-alive timeout, which Node applies only after a request that it has served itself.
    const timer = setTimeout(() => socket.destroy(), limits.keepAliveTimeoutMs)
    const onNext = () => {
      clearTimeout(timer)
      setAwaitingRequest(socket, false)
      socket.off('data', onNext).off('close', onNext)
    }
    setAwaitingRequest(socket, true)
    socket.on('data', onNext).on('close', onNext)
    fastify.serveHttp(socket)
  }
  fastify.server.on('upgrade', (req: IncomingMessage, socket: Socket, early: Buffer) => {
    inTurn(socket, () => serve(req, socket, early))
  })
  fastify.server.on('connect', (req: IncomingMessage, socket: Socket) => {
    inTurn(socket, () => {
      fastify.rejectRequest(req, responseOn(socket, req), UNKNOWN_METHOD, BalancerCell.rejectedRequest)
    })
  })
}

export default fp(upgrade, { name: 'upgrade', encapsulate: true })
