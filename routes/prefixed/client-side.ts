import { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ClientSide } from '../../lib/proxy/client-side.js'
import { Http2Request } from '../../lib/proxy/request/http2-request.js'
import { hostFields } from '../../lib/proxy/response/host/host-fields.js'
import { HostHttp2Response } from '../../lib/proxy/response/host/host-http2-response.js'
import { HostResponse } from '../../lib/proxy/response/host/host-response.js'
import { InjectedResponse } from '../../lib/proxy/response/injected-response.js'

/**
 * The client's side of a request as the balancer wants it, whatever server has taken it in: one of HTTP/1.1, with or
 * without TLS, one of HTTP/2, or none, but a test that calls `inject()`.
 * @param bufferSizeBytes so much is held of a body before its sender is to wait
 */
export function clientSide(
  request: FastifyRequest,
  reply: FastifyReply,
  bufferSizeBytes: number
): ClientSide {
  const req: IncomingMessage | Http2ServerRequest = request.raw
  const res: ServerResponse = reply.raw
  const fields = hostFields(reply.getHeaders())
  if (isOfHttp2(req)) {
    const { stream, rawHeaders } = req
    const socket = stream.session!.socket as IncomingMessage['socket']
    const told = new Http2Request(stream, socket, rawHeaders, stream.endAfterHeaders)
    const own = res as ServerResponse | Http2ServerResponse as Http2ServerResponse
    return { req: told, res: new HostHttp2Response(told, own, bufferSizeBytes, fields) }
  }
  if (req instanceof IncomingMessage && res instanceof ServerResponse)
    return { req, res: new HostResponse(res, fields) }
  return { req: withTimeout(req), res: new InjectedResponse(res, fields) }
}

/** What is injected has no connection, and no time to keep. */
function withTimeout(req: IncomingMessage): IncomingMessage {
  req.setTimeout ??= () => req
  return req
}

/** Of a server of Node's for HTTP/2, which is loaded only where somebody has one. */
const isOfHttp2 = (req: IncomingMessage | Http2ServerRequest): req is Http2ServerRequest => 'stream' in req
