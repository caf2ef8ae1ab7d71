import type { IncomingMessage } from 'node:http'
import type { OutgoingRequest } from '../http1/connection.js'
import { connectionOptions, FieldNames } from '../http1/field-names.js'
import { hasBody } from './request-body.js'
import { isRepeatable } from './retry.js'
import type { Destination } from './target.js'

/** Fields of one connection only (RFC 9110 section 7.6.1), and those that the balancer sets itself. */
const NOT_PASSED_ON = new FieldNames([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id'
])

/** Fields that a client cannot have removed by naming them in `Connection`: they route and delimit the message. */
const NEVER_CONNECTION_OPTIONS = new Set(['close', 'keep-alive', 'host', 'content-length', 'via'])

export interface ForwardedBy {
  readonly requestId: string
  /** Whether to add RFC 7239's `Forwarded`. */
  readonly forwarded: boolean
}

/** A client's request as backends are to get it. */
export function outgoingRequest(
  req: IncomingMessage,
  { path, authority }: Destination,
  by: ForwardedBy
): OutgoingRequest {
  const method = req.method!
  return {
    method,
    head: `${method} ${path} HTTP/1.1\r\n${requestFields(req, authority, by)}\r\n`,
    body: hasBody(req) ? req : undefined,
    repeatable: isRepeatable(req)
  }
}

/**
 * The fields of the request to a backend, each a line with its CRLF: what the client sent, in its order and case,
 * without the fields of its connection, and with what a gateway adds. Forwarding fields from the client are replaced,
 * as nothing vouches for them.
 */
export function requestFields(req: IncomingMessage, authority: string | undefined, by: ForwardedBy): string {
  const { connection, host = authority } = req.headers
  const raw = req.rawHeaders
  const named =
    connection === undefined || connection === 'keep-alive' || connection === 'close' ? [] : names(connection)
  // HTTP/1.1 wants one, even if it is empty, as that of a client of HTTP/1.0 may be.
  let lines = req.headers.host === undefined ? `Host: ${authority ?? ''}\r\n` : ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    if (NOT_PASSED_ON.has(name) || (named.length > 0 && named.includes(name.toLowerCase()))) continue
    lines += `${name}: ${raw[i + 1]!}\r\n`
  }
  if (req.headers['transfer-encoding'] !== undefined) lines += 'Transfer-Encoding: chunked\r\n'
  return lines + forwardingFields(req, host, by)
}

function names(connection: string): string[] {
  return connectionOptions(connection).filter((option) => !NEVER_CONNECTION_OPTIONS.has(option))
}

function forwardingFields(req: IncomingMessage, host: string | undefined, by: ForwardedBy): string {
  const client = clientAddress(req)
  const hostField = host === undefined ? '' : `X-Forwarded-Host: ${host}\r\n`
  const forwarded = by.forwarded ? `Forwarded: ${forwardedElement(client, host)}\r\n` : ''
  return `X-Forwarded-For: ${client}\r\nX-Forwarded-Proto: http\r\n${hostField}${forwarded}Via: 1.1 fairlead\r\nX-Request-Id: ${by.requestId}\r\n`
}

const MAPPED_IPV4 = '::ffff:'

/** The address of the peer, IPv4 written as such even on a socket of both families. */
export function clientAddress(req: IncomingMessage): string {
  const address = req.socket.remoteAddress ?? 'unknown'
  return address.startsWith(MAPPED_IPV4) ? address.slice(MAPPED_IPV4.length) : address
}

/** RFC 7239 section 4. */
function forwardedElement(client: string, host: string | undefined): string {
  const node = client.includes(':') ? `"[${client}]"` : client
  const hostPair = host === undefined ? '' : `;host="${host.replace(/["\\]/g, '\\$&')}"`
  return `for=${node}${hostPair};proto=http`
}
