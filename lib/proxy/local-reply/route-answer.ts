import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { BlockList } from 'node:net'
import { isGrpcCall } from '../../base/grpc/call.js'
import type { Destination } from '../../base/http/request-target.js'
import { isSecure } from '../../listener/client/client-address.js'
import { redirectAnswer } from '../../routing/filters/redirect.js'
import type { RouteAnswer } from '../../routing/filters/route-answer.js'
import type { Redirect } from '../../routing/options.js'
import { BAD_REQUEST, type Failure } from '../failure.js'
import { namedHost } from '../request/named-host.js'
import type { ClientStream } from '../response/client-stream.js'
import { withHsts } from '../response/hsts.js'
import type { RouteEntry } from '../route/route-entry.js'
import { grpcFields } from './grpc-reply.js'

/**
 * Where a redirect sends the client of a request; or a failure, as there is no way back to a server that has no name, and
 * `OPTIONS *` has no other place.
 * @param destination with the path that the redirect leads to
 * @param trusted proxies whose word on the client's scheme is believed
 */
export function redirectOf(
  req: IncomingMessage,
  redirect: Redirect,
  destination: Destination,
  trusted: BlockList
): RouteAnswer | Failure {
  const { path } = destination
  const named = namedHost(req, destination)
  if (path === '*' || (!named && redirect.host === undefined)) return BAD_REQUEST
  const scheme = isSecure(req, trusted) ? 'https' : 'http'
  return redirectAnswer(redirect, { method: req.method!, scheme, authority: named ?? '', target: path })
}

/** Answers a request as its route says; a call of gRPC learns of an error by `grpc-status`. */
export function sendRouteAnswer(
  req: IncomingMessage,
  res: ClientStream,
  answer: RouteAnswer,
  route: RouteEntry
): void {
  const { statusCode, fields, body } = asSeenBy(req, answer)
  const edited = route.responseEdits?.applyToList(fields) ?? fields
  res.answer(statusCode, STATUS_CODES[statusCode] ?? 'Unknown', withHsts(req.socket, edited), body, false)
}

/** Size of the body of such an answer, in bytes. */
export function routeAnswerBytes(req: IncomingMessage, answer: RouteAnswer): number {
  return req.method === 'HEAD' ? 0 : (asSeenBy(req, answer).body?.length ?? 0)
}

function asSeenBy(req: IncomingMessage, answer: RouteAnswer): RouteAnswer {
  const { statusCode, body = '' } = answer
  if (statusCode < 400 || !isGrpcCall(req)) return answer
  const message = Buffer.from(body, 'latin1').toString().trim()
  const failure = { statusCode, code: '', error: '', message }
  return { statusCode: 200, fields: grpcFields(req, failure, undefined), body: undefined }
}
