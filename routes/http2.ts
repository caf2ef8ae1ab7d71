import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  Http2ServerRequest,
  Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Stream
} from 'node:http2'
import type { Socket } from 'node:net'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { isAdminTarget } from '../lib/base/http/request-target.js'
import type { Config } from '../lib/config/load.js'
import { requestId } from '../lib/listener/request-id.js'
import { BalancerCell } from '../lib/pool/cells.js'
import { setClientSide } from '../lib/proxy/client-side.js'
import { HEAD_TOO_LARGE, UNKNOWN_METHOD } from '../lib/proxy/failure.js'
import { sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import { Http2Request } from '../lib/proxy/request/http2-request.js'
import { isKnownMethod } from '../lib/proxy/request/request-check.js'
import { limitRequestTime } from '../lib/proxy/request/request-time.js'
import { HostHttp2Response } from '../lib/proxy/response/host-http2-response.js'
import { Http2Response } from '../lib/proxy/response/http2-response.js'
import { foreignHooks } from './way.js'

const NO_BYTES = Buffer.alloc(0)

/** HTTP/2 requests. They bypass the router, which speaks HTTP/1.1, except those of the administration. */
const http2: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  const { limits, bufferSizeBytes, maxHeadBytes, methods } = config
  if (!fastify.http2) return

  fastify.http2.serve = (stream, socket, list, isWhole) => {
    const req = new Http2Request(stream, socket, list, isWhole)
    const res = new Http2Response(req, stream, bufferSizeBytes)
    const { method, url = '' } = req
    const refuse = (failure: Parameters<typeof fastify.rejectRequest>[2]) =>
      fastify.rejectRequest(req, res, failure, BalancerCell.rejectedRequest)
    if (!isPassedOn(method!, url)) refuse(UNKNOWN_METHOD)
    else if (sizeOf(list) > maxHeadBytes) refuse(HEAD_TOO_LARGE)
    else if (isAdminTarget(url) && !req.isWebSocket) serveAdmin(stream, socket, list)
    else if (!fastify.tryLocalReply(req, res)) {
      if (isRouted && !req.isWebSocket && isKnownMethod(method!)) route(req, stream, socket, list)
      else forward(req, res)
    }
  }

  // A hook that somebody has added is to run for these as well.
  let isRouted = false
  fastify.addHook('onReady', async () => {
    isRouted = foreignHooks(fastify).length > 0
  })

  function route(
    req: Http2Request,
    stream: ServerHttp2Stream,
    socket: Socket,
    list: readonly string[]
  ): void {
    const raw = compatible(stream, socket, list)
    setClientSide(raw.req, { req, res: new HostHttp2Response(req, raw.res, bufferSizeBytes, []) })
    fastify.routing(raw.req as unknown as IncomingMessage, raw.res as unknown as ServerResponse)
  }

  /** The methods of `LB_METHODS` are not for the administration. */
  function isPassedOn(method: string, target: string): boolean {
    return (isKnownMethod(method) && method !== 'CONNECT') || (methods.has(method) && !isAdminTarget(target))
  }

  function forward(req: Http2Request, res: Http2Response): void {
    const { isWebSocket } = req
    const exchange = fastify.forwarder.open(
      req,
      res,
      req.url!,
      requestId(req),
      isWebSocket ? 'websocket' : undefined
    )
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

  function serveAdmin(stream: ServerHttp2Stream, socket: Socket, list: readonly string[]): void {
    const { req, res } = compatible(stream, socket, list)
    fastify.routing(req as unknown as IncomingMessage, res as unknown as ServerResponse)
  }
}

/** A stream as Node's own server would hand it to the router. */
function compatible(stream: ServerHttp2Stream, socket: Socket, list: readonly string[]) {
  const raw = [...list]
  const req = new Http2ServerRequest(stream, headersOf(raw), undefined as never, raw)
  const res = new Http2ServerResponse(stream)
  // Its own `socket` is a proxy object, which does not know the client's address.
  Object.defineProperty(req, 'socket', { value: socket })
  return { req, res }
}

/** The uncompressed size of a head, in bytes. */
function sizeOf(list: readonly string[]): number {
  let size = 0
  for (const text of list) size += text.length
  return size
}

/** Node's `headers` for a list of names and values: each name once, with joined values. */
function headersOf(list: readonly string[]): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {}
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!
    const before = headers[name]
    headers[name] = before === undefined ? list[i + 1]! : `${before}, ${list[i + 1]}`
  }
  // The `Origin` field is compared with it.
  headers.host = (headers[':authority'] as string | undefined) ?? headers.host
  return headers
}

export default fp(http2, { name: 'http2-streams', encapsulate: true })
