import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { expectsContinue } from '../lib/base/http/request-body.js'
import { isAdminTarget } from '../lib/base/http/request-target.js'
import type { Config } from '../lib/config/load.js'
import { type ServerStreamRequest, streamRequest } from '../lib/listener/http2/request/stream-request.js'
import type { ServerStream } from '../lib/listener/http2/stream/server-stream.js'
import { requestId } from '../lib/listener/request-id.js'
import { BalancerCell } from '../lib/pool/cells.js'
import { type Failure, HEAD_TOO_LARGE, UNKNOWN_METHOD } from '../lib/proxy/failure.js'
import { sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import { isKnownMethod } from '../lib/proxy/request/request-check.js'
import { limitRequestTime } from '../lib/proxy/request/request-time.js'
import { RoutedStreamResponse } from '../lib/proxy/response/stream/routed-stream-response.js'
import { StreamResponse } from '../lib/proxy/response/stream/stream-response.js'
import { foreignHooks } from './way.js'

const NO_BYTES = Buffer.alloc(0)

/**
 * HTTP/2 requests. They bypass the router, except those of the administration, and all others if somebody has added a hook
 * that they would miss.
 */
const http2: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  const { limits, bufferSizeBytes, methods } = config
  if (!fastify.http2) return
  let isRouted = false
  fastify.addHook('onReady', async () => {
    isRouted = foreignHooks(fastify).length > 0
  })

  fastify.http2.serve = (stream, head, { fields, isTooLarge, isEnd, neverIndexed }) => {
    const req = streamRequest(stream, head, fields, isEnd, neverIndexed)
    const { method, url, isWebSocket } = req
    if (isTooLarge) refuse(req, stream, HEAD_TOO_LARGE)
    else if (!isPassedOn(method!, url!)) refuse(req, stream, UNKNOWN_METHOD)
    else if (isWebSocket || !isKnownMethod(method!)) forward(req, stream)
    else if (isAdminTarget(url!)) serveAdmin(req, stream)
    else if (isRouted) route(req, stream)
    else forward(req, stream)
  }

  /** The methods of `LB_METHODS` are not for the administration. */
  function isPassedOn(method: string, target: string): boolean {
    return (isKnownMethod(method) && method !== 'CONNECT') || (methods.has(method) && !isAdminTarget(target))
  }

  function refuse(req: ServerStreamRequest, stream: ServerStream, failure: Failure): void {
    const res = new StreamResponse(req, stream, bufferSizeBytes)
    fastify.rejectRequest(req, res, failure, BalancerCell.rejectedRequest)
  }

  function serveAdmin(req: ServerStreamRequest, stream: ServerStream): void {
    const res = new RoutedStreamResponse(req, stream, bufferSizeBytes)
    if (expectsContinue(req)) res.writeContinue()
    fastify.routing(req, res)
  }

  function route(req: ServerStreamRequest, stream: ServerStream): void {
    const res = new RoutedStreamResponse(req, stream, bufferSizeBytes)
    if (!fastify.tryLocalReply(req, res)) fastify.routing(req, res)
  }

  function forward(req: ServerStreamRequest, stream: ServerStream): void {
    const res = new StreamResponse(req, stream, bufferSizeBytes)
    if (fastify.tryLocalReply(req, res)) return
    const protocol = req.isWebSocket ? 'websocket' : undefined
    const exchange = fastify.forwarder.open(req, res, req.url!, requestId(req), protocol)
    if (!exchange) return
    limitRequestTime(exchange, limits.requestTimeoutMs)
    exchange.start(() => {
      if (exchange.failure) {
        sendLocalReply(req, res, exchange.failure, undefined, exchange.by.route)
        return
      }
      exchange.writeHead()
      if (exchange.changesProtocol) exchange.startTunnel(NO_BYTES)
    })
  }
}

export default fp(http2, { name: 'http2-streams', encapsulate: true })
