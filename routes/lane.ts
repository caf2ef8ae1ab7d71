import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { Lane } from '../lib/listener/http1/lane/lane.js'
import type { LaneRequest } from '../lib/listener/http1/lane/lane-request.js'
import { requestId } from '../lib/listener/request-id.js'
import { sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import { SPECIAL_FIELDS } from '../lib/proxy/request/request-head.js'
import { limitRequestTime } from '../lib/proxy/request/request-time.js'
import { LaneResponse } from '../lib/proxy/response/lane-response.js'

/** Plain requests of HTTP/1.1, past Node's HTTP server. */
const lane: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  const { limits, maxHeadBytes } = config
  const { server, registry, forwarder, tryLocalReply } = fastify
  const lane = new Lane(
    {
      ...limits,
      headBytes: maxHeadBytes,
      fields: limits.headers,
      special: SPECIAL_FIELDS
    },
    {
      serve: (req, connection) => {
        const isLast = connection.isLastRequest || registry.draining
        const res = new LaneResponse(req, connection, isLast, limits.keepAliveTimeoutMs)
        if (!tryLocalReply(req, res)) forward(req, res)
        return res
      },
      serveByNode: fastify.serveHttp,
      onHeadTimeout: (socket) => {
        server.emit(
          'clientError',
          Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }),
          socket
        )
      }
    }
  )

  function forward(req: LaneRequest, res: LaneResponse): void {
    const exchange = forwarder.open(req, res, req.url!, requestId(req))
    if (!exchange) return
    limitRequestTime(exchange, limits.requestTimeoutMs)
    exchange.start(() => {
      if (exchange.failure) sendLocalReply(req, res, exchange.failure)
      else exchange.writeHead()
    })
  }

  fastify.http1.serve = (socket) => lane.accept(socket)
  fastify.addHook('onClose', async () => lane.stop())
}

export default fp(lane, { name: 'lane', encapsulate: true })
