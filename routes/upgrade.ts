import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../lib/config/load.js'
import { isRefused, passDrain, whenAnswered } from '../lib/forward/client-connection.js'
import { BAD_REQUEST, UNKNOWN_METHOD } from '../lib/forward/failure.js'
import { answerRaw } from '../lib/forward/raw-answer.js'
import { requestId } from '../lib/forward/request-id.js'
import { isLast } from '../lib/forward/response-start.js'
import { isOwnTarget } from '../lib/forward/target.js'
import { offeredProtocols } from '../lib/forward/upgrade.js'

/**
 * Requests for a change of protocol, which Node takes out of HTTP: if a backend agrees, bytes pass in both directions
 * from then on. If it does not, the connection goes on as one of HTTP.
 */
const upgrade: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  const serve = (req: IncomingMessage, socket: Socket, early: Buffer) => {
    const res = responseOn(socket, req)
    res.once('finish', () => {
      if (isLast(res)) return
      if (early.length > 0) socket.unshift(early)
      fastify.serveHttp(socket)
    })
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
  }
  fastify.server.on('upgrade', (req: IncomingMessage, socket: Socket, early: Buffer) => {
    inTurn(socket, () => serve(req, socket, early))
  })
  fastify.server.on('connect', (req: IncomingMessage, socket: Socket) => {
    inTurn(socket, () => answerRaw(req, responseOn(socket, req), UNKNOWN_METHOD))
  })
}

/** Serves a request after those before it: Node has let go of their connection, though they may still be answered. */
function inTurn(socket: Socket, serve: () => void): void {
  if (isRefused(socket)) return
  const onDrain = () => passDrain(socket)
  const onError = () => socket.destroy()
  socket.on('drain', onDrain).on('error', onError)
  whenAnswered(socket, () => {
    socket.off('drain', onDrain).off('error', onError)
    serve()
  })
}

/** The response to a request whose connection Node has let go of. */
function responseOn(socket: Socket, req: IncomingMessage): ServerResponse {
  const res = new ServerResponse(req)
  const onError = () => socket.destroy()
  res.assignSocket(socket)
  socket.on('error', onError)
  res.once('finish', () => {
    res.detachSocket(socket)
    socket.off('error', onError)
    res.emit('close')
    if (isLast(res)) socket.destroySoon()
  })
  return res
}

export default upgrade
