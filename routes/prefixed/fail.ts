import type { FastifyReply } from 'fastify'
import { isGrpcCall } from '../../lib/base/grpc/call.js'
import { hasBody } from '../../lib/base/http/request-body.js'
import { lingeringClose } from '../../lib/listener/http1/lingering-close.js'
import type { ClientSide } from '../../lib/proxy/client-side.js'
import type { Failure } from '../../lib/proxy/failure.js'
import { fieldsOf, sendLocalReply } from '../../lib/proxy/local-reply/local-reply.js'
import { HostHttp2Response } from '../../lib/proxy/response/host/host-http2-response.js'
import { HostResponse } from '../../lib/proxy/response/host/host-response.js'

/** A request that no backend has answered, for the error handler of the application. */
export class ForwardingError extends Error {
  readonly statusCode: number
  readonly code: string

  constructor({ statusCode, code, message }: Failure) {
    super(message)
    this.name = 'ForwardingError'
    this.statusCode = statusCode
    this.code = code
    // It says where in the balancer it was made, which is nothing to anybody.
    this.stack = `${this.name}: ${message}`
  }
}

/**
 * Answers a request that no backend has answered: by the error handler of the application, or to a call of gRPC by
 * `grpc-status`.
 * @param fields of the answer, beside the usual ones, names and values in turn
 */
export function fail(
  reply: FastifyReply,
  { req, res }: ClientSide,
  failure: Failure,
  fields: readonly string[] = []
): void {
  if (isGrpcCall(req)) {
    reply.hijack()
    sendLocalReply(req, res, failure, fields)
    return
  }
  const all = [...fieldsOf(failure), ...fields]
  for (let i = 0; i < all.length; i += 2) reply.header(all[i]!, all[i + 1]!)
  // A body that nobody reads would be taken for the next request, and over HTTP/2 hold its stream open.
  if (res instanceof HostHttp2Response) {
    if (!req.complete) res.resetAfterEnd()
  } else if (res instanceof HostResponse && hasBody(req)) {
    reply.header('connection', 'close')
    if (!req.complete) lingeringClose(req)
  }
  reply.code(failure.statusCode).send(new ForwardingError(failure))
}
