import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { Lane, type LaneHandlers } from '../lib/listener/http1/lane/lane.js'
import { requestId } from '../lib/listener/request-id.js'
import { sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import { SPECIAL_FIELDS } from '../lib/proxy/request/request-head.js'
import { limitRequestTime } from '../lib/proxy/request/request-time.js'
import type { ClientStream } from '../lib/proxy/response/client-stream.js'
import { LaneResponse } from '../lib/proxy/response/lane-response.js'
import { RoutedResponse } from '../lib/proxy/response/routed-response.js'
import { foreignHooks, wayOf } from './way.js'

/**
 * Plain requests of HTTP/1.1, which are read past Node's HTTP server. They and the others also go past the router, unless
 * somebody has added a hook that they would miss.
 */
const plainRequests: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  const { limits, maxHeadBytes, lane: mode } = config
  const { server, registry, forwarder, tryLocalReply, http1 } = fastify
  if (mode === 'off') return

  /** @param requestTimeoutMs where Node's server does not limit it; 0 where it does */
  const forward = (req: IncomingMessage, res: ClientStream, requestTimeoutMs: number) => {
    const exchange = forwarder.open(req, res, req.url!, requestId(req))
    if (!exchange) return
    limitRequestTime(exchange, requestTimeoutMs)
    exchange.start(() => {
      if (exchange.failure) sendLocalReply(req, res, exchange.failure, undefined, exchange.by.route)
      else exchange.writeHead()
    })
  }
  const direct: LaneHandlers['serve'] = (req, connection) => {
    // Those that have come before a drain are answered, and the last of them ends the connection.
    const isLast = connection.isLastRequest || (registry.draining && !connection.hasPipelined)
    const res = new LaneResponse(req, connection, isLast, limits.keepAliveTimeoutMs)
    if (!tryLocalReply(req, res)) forward(req, res, limits.requestTimeoutMs)
    return res
  }
  const routed: LaneHandlers['serve'] = (req, connection) => {
    const res = new RoutedResponse(req, connection, connection.isLastRequest, limits.keepAliveTimeoutMs)
    server.emit('request', req, res)
    return res
  }
  /** As Node's server does if no request arrives. */
  const onTimeout = (socket: Socket) => {
    const error = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
    server.emit('clientError', error, socket)
  }
  let lane: Lane
  fastify.addHook('onClose', async () => lane?.stop())
  fastify.addHook('onReady', async () => {
    const hooks = foreignHooks(fastify)
    if (hooks.length > 0)
      fastify.log.info(`Requests pass the router, as there are hooks: ${hooks.join(', ')}`)
    http1.way = wayOf(fastify, mode)
    const isDirect = http1.way === 'direct'
    if (isDirect) http1.forward = (req, res) => forward(req, res, 0)
    const headLimits = { headBytes: maxHeadBytes, fields: limits.headers, special: SPECIAL_FIELDS }
    lane = new Lane(
      { ...limits, ...headLimits },
      { serve: isDirect ? direct : routed, serveByNode: fastify.serveHttp, onHeadTimeout: onTimeout }
    )
    http1.serve = (socket) => lane.accept(socket)
  })
}

export default fp(plainRequests, { name: 'lane', encapsulate: true })
