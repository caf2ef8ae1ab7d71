import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../lib/config/load.js'
import { BAD_REQUEST, NO_TUNNEL } from '../lib/forward/failure.js'
import { answerRaw } from '../lib/forward/raw-answer.js'
import { requestId } from '../lib/forward/request-id.js'
import { isOwnTarget } from '../lib/forward/target.js'
import { offeredProtocols } from '../lib/forward/upgrade.js'

/**
 * Requests for a change of protocol, which Node takes out of HTTP: if a backend agrees, bytes pass in both directions
 * from then on. If it does not, its answer is the last on the connection.
 */
const upgrade: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  fastify.server.on('upgrade', (req: IncomingMessage, socket: Socket, early: Buffer) => {
    const res = responseOn(socket, req)
    const target = req.url!
    if (isOwnTarget(target)) {
      answerRaw(req, res, BAD_REQUEST)
      return
    }
    if (fastify.refusedForOverload(req, res)) return
    const exchange = fastify.openExchange(req, res, target, requestId(req), offeredProtocols(req))
    exchange?.start(() => {
      if (exchange.failure) {
        answerRaw(req, res, exchange.failure)
        return
      }
      exchange.writeHead()
      if (exchange.changesProtocol) exchange.startTunnel(early, config.tunnelTimeoutMs)
    })
  })
  fastify.server.on('connect', (req: IncomingMessage, socket: Socket) => {
    answerRaw(req, responseOn(socket, req), NO_TUNNEL)
  })
}

/** The response of a request whose connection Node has let go of, as the last one on it. */
function responseOn(socket: Socket, req: IncomingMessage): ServerResponse {
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(socket)
  socket.on('error', () => socket.destroy())
  res.once('finish', () => {
    res.detachSocket(socket)
    res.emit('close')
    socket.destroySoon()
  })
  return res
}

export default upgrade
