import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { type ConnectionInfo, connectionInfo } from '../../listener/client/connection-info.js'
import type { Backend } from '../../pool/backend.js'
import type { OutgoingRequest } from '../../transport/backend-stream.js'
import type { RequestMirror } from '../mirror/request-mirror.js'
import type { RouteEntry } from '../route/route-entry.js'

/** The trace that a request belongs to, as the backend is told. */
export interface TraceContext {
  readonly traceId: string
  /** The `traceparent` line to add, with its CRLF; empty if that of the client is passed on. */
  readonly line: string
  /** Names of the client's fields that it replaces, in lower case. */
  readonly replaced: readonly string[]
  /**
   * Starts the span of an attempt; undefined if it is not recorded.
   * @param before number of earlier attempts
   */
  beginAttempt?(backend: Backend, before: number): AttemptTrace | undefined
}

/** The span of an attempt, from the choice of its backend to the end of its response. */
export interface AttemptTrace {
  /** The request with this span as the parent of the backend's. */
  requestOf(request: OutgoingRequest): OutgoingRequest
  onStatus(statusCode: number): void
  /** @param type a short code */
  onError(type: string): void
  end(): void
}

export interface ForwardedBy {
  /** The target as the client sent it. */
  readonly target: string
  readonly requestId: string
  /** Whether to add RFC 7239's `Forwarded`. */
  readonly forwarded: boolean
  /** Proxies whose forwarding fields are believed. */
  readonly trusted: BlockList
  /** Undefined if traces are left to the client and the backend. */
  readonly trace?: TraceContext | undefined
  /** Undefined where there are no routes, and for a request that none matches. */
  readonly route?: RouteEntry | undefined
  /** Sends the request to another pool as well, until it has. */
  mirror?: RequestMirror | undefined
}

/** The name of the balancer in `Via` (RFC 9110 section 7.6.3). */
const PSEUDONYM = 'fairlead'
/** So many of that name in `Via` are a loop: nobody has that many balancers in a row. */
const LOOP_LENGTH = 8

/** Whether a request has passed balancers of this name so often that it must be going in circles. */
export function isLoop({ headers: { via } }: IncomingMessage): boolean {
  return via !== undefined && via.split(PSEUDONYM).length > LOOP_LENGTH
}

/**
 * The fields that tell a backend where a request comes from, each a line with its CRLF. Those of the client are
 * replaced, as nothing vouches for them; those of a trusted proxy are continued.
 */
export function forwardingFields(req: IncomingMessage, host: string | undefined, by: ForwardedBy): string {
  const peer = connectionInfo(req.socket, by.trusted)
  const lines = peer.isTrusted ? continuedFields(req.headers, peer, host) : ownFields(peer, host)
  const forwarded = forwardedField(req.headers, peer, host, by.forwarded)
  return `${lines}${forwarded}Via: ${req.httpVersionMajor}.${req.httpVersionMinor} ${PSEUDONYM}\r\nX-Request-Id: ${by.requestId}\r\n`
}

function ownFields({ forwardingLines }: ConnectionInfo, host: string | undefined): string {
  return host === undefined ? forwardingLines : `${forwardingLines}X-Forwarded-Host: ${host}\r\n`
}

function continuedFields(
  headers: IncomingHttpHeaders,
  peer: ConnectionInfo,
  host: string | undefined
): string {
  const { 'x-forwarded-for': before, 'x-forwarded-host': asked } = headers
  // An empty field counts as none.
  const proto = headers['x-forwarded-proto'] || peer.scheme
  const port = headers['x-forwarded-port'] || peer.localPort
  return (
    `X-Forwarded-For: ${before ? `${before}, ` : ''}${peer.address}\r\n` +
    `X-Forwarded-Proto: ${proto}\r\nX-Forwarded-Port: ${port}\r\n` +
    (asked || host ? `X-Forwarded-Host: ${asked || host}\r\n` : '') +
    (headers['x-ssl-client-cn'] === undefined ? peer.clientNameLine : '')
  )
}

function forwardedField(
  { forwarded }: IncomingHttpHeaders,
  peer: ConnectionInfo,
  host: string | undefined,
  isAdded: boolean
): string {
  const before = peer.isTrusted ? forwarded : undefined
  if (!isAdded) return before === undefined ? '' : `Forwarded: ${before}\r\n`
  const own = forwardedElement(peer, host)
  return `Forwarded: ${before ? `${before}, ` : ''}${own}\r\n`
}

/** RFC 7239 section 4. */
function forwardedElement({ address, scheme }: ConnectionInfo, host: string | undefined): string {
  const node = address.includes(':') ? `"[${address}]"` : address
  const hostPair = host === undefined ? '' : `;host="${host.replace(/["\\]/g, '\\$&')}"`
  return `for=${node}${hostPair};proto=${scheme}`
}
