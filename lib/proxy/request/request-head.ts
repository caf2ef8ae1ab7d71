import type { IncomingMessage } from 'node:http'
import { connectionOptions, FieldNames } from '../../base/http/field-names.js'
import { BALANCER_FIELDS, PROXY_FIELDS } from '../../base/http/forwarding-names.js'
import { plainHeadOf } from '../../base/http/plain-head.js'
import { expectsContinue, hasBody } from '../../base/http/request-body.js'
import type { Destination } from '../../base/http/request-target.js'
import type { StreamRequest } from '../../base/http/stream-request.js'
import { connectionInfo } from '../../listener/client/connection-info.js'
import type { OutgoingRequest } from '../../transport/backend-stream.js'
import { RetryBuffer } from '../../transport/retry-buffer.js'
import { MIRRORED_BODY_BYTES } from '../mirror/request-mirror.js'
import { isIdempotent } from '../retry/retry-conditions.js'
import { type ForwardedBy, forwardingFields } from './forwarding-fields.js'
import { forwardsLeft, nextForwards } from './max-forwards.js'

/**
 * Fields of one connection only (RFC 9110 section 7.6.1), those that the balancer sets itself, and `Proxy`, which no
 * program should send: as the variable of CGI that it becomes, HTTP libraries take it for the proxy that they are to use.
 */
const NOT_PASSED_ON = [
  'connection',
  'keep-alive',
  'proxy',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
  ...BALANCER_FIELDS
]

/** Fields that only a proxy in front may set. */
const FROM_PROXIES = new FieldNames(PROXY_FIELDS)

/** Fields that describe the body, or bound the hops: they pass, but no field that CGI would take for one of them. */
const MESSAGE_NAMES = ['content-length', 'content-type', 'max-forwards']
const OF_MESSAGE = new FieldNames(MESSAGE_NAMES)

/** All of these together: most fields are none of them, which one look-up shows. */
const LOOKED_AT = [...NOT_PASSED_ON, ...PROXY_FIELDS, ...MESSAGE_NAMES]
const NOT_JUST_PASSED_ON = new FieldNames(LOOKED_AT)

/** The fields with which a head is not plain: they do not just pass, or something is read from them. */
export const SPECIAL_FIELDS = new FieldNames([...LOOKED_AT, 'via', 'grpc-timeout'])

/** Fields that a client cannot remove by naming them in `Connection`: they route, delimit and vouch for the message. */
const NEVER_CONNECTION_OPTIONS = new Set([
  ...['close', 'keep-alive', 'host', 'content-length', 'via'],
  ...PROXY_FIELDS
])

/**
 * A client's request as it is sent to backends.
 * @param keptBytes largest body that is kept for a retry
 * @param upgrade the protocols that the client offers to switch to, if any
 */
export function outgoingRequest(
  req: IncomingMessage,
  { path, authority }: Destination,
  by: ForwardedBy,
  keptBytes: number,
  upgrade?: string
): OutgoingRequest {
  const method = req.method!
  const plain = by.trace || connectionInfo(req.socket, by.trusted).isTrusted ? undefined : plainHeadOf(req)
  const body = (plain ? plain.hasBody : hasBody(req)) ? req : undefined
  const fields = plain
    ? plain.plainLines + forwardingFields(req, plain.plainHost, by)
    : requestFields(req, authority, upgrade, by)
  const edits = by.route?.requestEdits
  const replayable = (!body || keptBytes > 0) && isIdempotent(req)
  return {
    method,
    head: `${method} ${path} HTTP/1.1\r\n${edits ? edits.applyTo(fields) : fields}\r\n`,
    lacksHost: !plain && !edits?.setsHost && hostOf(req, authority) === undefined,
    neverIndexed: req.httpVersionMajor === 2 ? (req as Partial<StreamRequest>).neverIndexed : undefined,
    client: req,
    body,
    replayable,
    // Even one that keeps nothing knows whether anything of the body was sent.
    retryBuffer: body && bufferFor(by, keptBytes),
    upgrade
  }
}

function bufferFor({ mirror }: ForwardedBy, keptBytes: number): RetryBuffer {
  return mirror ? new RetryBuffer(Math.max(keptBytes, MIRRORED_BODY_BYTES), true) : new RetryBuffer(keptBytes)
}

/** The host that a client names; undefined if none: HTTP/1.0 needs no `Host`, and that of HTTP/1.1 may be empty. */
function hostOf({ headers }: IncomingMessage, authority: string | undefined): string | undefined {
  return (headers.host ?? authority) || undefined
}

/**
 * The fields of the request to a backend, each a line with its CRLF: what the client sent, in its order and case,
 * without the fields of its connection, and with what a gateway adds.
 * @param authority the host that the target names, if it does
 */
export function requestFields(
  req: IncomingMessage,
  authority: string | undefined,
  upgrade: string | undefined,
  by: ForwardedBy
): string {
  const { headers, rawHeaders } = req
  const { connection } = headers
  const host = hostOf(req, authority)
  const isPlain = connection === undefined || connection === 'keep-alive' || connection === 'close'
  const leftBehind = isPlain ? NONE : namedBy(connection)
  const forwards = forwardsLeft(req)
  let named = forwards === undefined ? leftBehind : [...leftBehind, 'max-forwards']
  const { trace } = by
  if (trace && trace.replaced.length > 0) named = [...named, ...trace.replaced]
  if (headers.host === '') named = [...named, 'host']
  let lines = headers.host === undefined && host !== undefined ? `Host: ${host}\r\n` : ''
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (named.length > 0 && named.includes(name.toLowerCase())) continue
    if (NOT_JUST_PASSED_ON.mayHave(name.length, name.charCodeAt(0)) && isLeftBehind(name, req, by)) continue
    lines += `${name}: ${rawHeaders[i + 1]!}\r\n`
  }
  if (forwards !== undefined) lines += `Max-Forwards: ${nextForwards(forwards)}\r\n`
  if (headers['transfer-encoding'] !== undefined) lines += 'Transfer-Encoding: chunked\r\n'
  if (expectsContinue(req)) lines += 'Expect: 100-continue\r\n'
  if (upgrade !== undefined) lines += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`
  // Trailers are passed on, so a backend may send them to clients that accept them.
  else if (headers.te !== undefined && TAKES_TRAILERS.test(String(headers.te)))
    lines += 'TE: trailers\r\nConnection: TE\r\n'
  if (trace) lines += trace.line
  return lines + forwardingFields(req, host, by)
}

/** Whether a field stays behind: it is one of those that do, or CGI would take it for one that passes. */
function isLeftBehind(name: string, { socket }: IncomingMessage, { trusted }: ForwardedBy): boolean {
  if (!NOT_JUST_PASSED_ON.hasCgiEquivalent(name) || OF_MESSAGE.has(name)) return false
  return !(FROM_PROXIES.has(name) && connectionInfo(socket, trusted).isTrusted)
}

const NONE: readonly string[] = []
const TAKES_TRAILERS = /(?:^|,)[ \t]*trailers[ \t]*(?:[,;]|$)/i

function namedBy(connection: string): readonly string[] {
  return connectionOptions(connection).filter((option) => !NEVER_CONNECTION_OPTIONS.has(option))
}
