import { type IncomingMessage, METHODS } from 'node:http'
import { isGrpcCall } from '../../base/grpc/call.js'
import { type Failure, RETRY_AFTER_S } from '../failure.js'
import type { ClientStream } from '../response/client-stream.js'
import { withHsts } from '../response/hsts.js'
import type { RouteEntry } from '../route/route-entry.js'
import { grpcFields } from './grpc-reply.js'

interface Prepared {
  readonly body: string
  readonly isInOrder: boolean
  readonly fields: readonly string[]
}

/** The methods that are forwarded. */
const METHODS_PASSED_ON = METHODS.filter((method) => method !== 'CONNECT')
const METHODS_BUT_TRACE = METHODS_PASSED_ON.filter((method) => method !== 'TRACE')

/** Of the response to an OPTIONS about the balancer itself (RFC 9110 section 9.3.7). */
const optionsFields = (methods: readonly string[]) => ['Allow', methods.join(', '), 'Content-Length', '0']
const OPTIONS_FIELDS = optionsFields(METHODS_PASSED_ON)

/** After these the connection stays open: the request itself was well-formed. */
const IN_ORDER = new Set([403, 429, 502, 503, 504])

const prepared = new WeakMap<Failure, Prepared>()

/**
 * Answers a request with a failure in one write: in JSON, or a gRPC call by `grpc-status`.
 * @param more further fields, names and values in turn
 * @param route that the request has matched
 */
export function sendLocalReply(
  req: IncomingMessage,
  res: ClientStream,
  failure: Failure,
  more?: readonly string[],
  route?: RouteEntry
): void {
  const { body, fields, isInOrder } = preparedFor(failure)
  if (isGrpcCall(req)) {
    const ofGrpc = edited(grpcFields(req, failure, more), route)
    res.answer(200, 'OK', withHsts(req.socket, ofGrpc), undefined, !isInOrder)
    return
  }
  const page = route?.errorPages?.ofBalancer(req, failure.statusCode)
  const own = page ? page.edits.applyToList(fields) : fields
  const list = edited(more ? [...own, ...more] : own, route)
  // The phrase is set, as a response that could not be forwarded may have left its own.
  res.answer(failure.statusCode, failure.error, withHsts(req.socket, list), page?.text ?? body, !isInOrder)
}

/** Fields of an answer, names and values in turn, as its route has them. */
function edited(fields: readonly string[], route: RouteEntry | undefined): readonly string[] {
  return route?.responseEdits?.applyToList(fields) ?? fields
}

/** Size of the body of the answer to a request that failed, in bytes. */
export function localReplyBytes(req: IncomingMessage, failure: Failure, route?: RouteEntry): number {
  if (req.method === 'HEAD' || isGrpcCall(req)) return 0
  const page = route?.errorPages?.ofBalancer(req, failure.statusCode)
  return (page?.text ?? preparedFor(failure).body).length
}

/**
 * Answers OPTIONS with the methods that are forwarded.
 * @param more methods that are forwarded from clients of HTTP/2 only
 */
export function replyToOptions(req: IncomingMessage, res: ClientStream, more: ReadonlySet<string>): void {
  const hasMore = more.size > 0 && req.httpVersionMajor === 2
  const fields = hasMore ? optionsFields([...METHODS_PASSED_ON, ...more]) : OPTIONS_FIELDS
  res.answer(200, 'OK', withHsts(req.socket, fields), undefined, false)
}

/** Redirects a client with `308`, and ends the connection. */
export function replyWithRedirect(req: IncomingMessage, res: ClientStream, location: string): void {
  const fields = withHsts(req.socket, ['Location', location, 'Content-Length', '0'])
  res.answer(308, 'Permanent Redirect', fields, undefined, true)
}

function preparedFor(failure: Failure): Prepared {
  let answer = prepared.get(failure)
  if (!answer) {
    answer = prepare(failure)
    prepared.set(failure, answer)
  }
  return answer
}

/** What an answer with a failure says beside its body, names and values in turn. */
export function fieldsOf({ statusCode }: Failure): string[] {
  if (statusCode === 503) return ['Retry-After', `${RETRY_AFTER_S}`]
  return statusCode === 405 ? ['Allow', METHODS_BUT_TRACE.join(', ')] : []
}

function prepare(failure: Failure): Prepared {
  const body = JSON.stringify(failure)
  const fields = [
    'Content-Type',
    'application/json; charset=utf-8',
    'Content-Length',
    `${Buffer.byteLength(body)}`,
    ...fieldsOf(failure)
  ]
  return { body, fields, isInOrder: IN_ORDER.has(failure.statusCode) }
}
