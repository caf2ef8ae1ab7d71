import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { type ConnectionInfo, connectionInfo } from '../../listener/client/connection-info.js'
import type { Backend } from '../../pool/backend.js'
import type { OutgoingRequest } from '../../transport/backend-stream.js'

/** What a request to a backend says of the trace that it belongs to. */
export interface TraceContext {
  readonly traceId: string
  /** The field to add, with its CRLF; empty if that of the client is passed on. */
  readonly line: string
  /** Fields of the client that are not passed on, in lower case. */
  readonly replaced: readonly string[]
  /**
   * Begins the record of an attempt at a backend; undefined if it is not recorded.
   * @param before attempts before it
   */
  beginAttempt?(backend: Backend, before: number): AttemptTrace | undefined
}

/** The record of an attempt, from the choice of its backend to the end of its response. */
export interface AttemptTrace {
  /** The request as this attempt sends it: the backend's spans stand below this one. */
  requestOf(request: OutgoingRequest): OutgoingRequest
  onStatus(statusCode: number): void
  /** @param type a code in few words */
  onError(type: string): void
  end(): void
}

export interface ForwardedBy {
  /** What the client has asked for, as it came. */
  readonly target: string
  readonly requestId: string
  /** Whether to add RFC 7239's `Forwarded`. */
  readonly forwarded: boolean
  /** Whose forwarding fields are believed. */
  readonly trusted: BlockList
  /** The trace that it belongs to, if one looks after traces here. */
  readonly trace?: TraceContext | undefined
}

/** By this name the balancer is known in `Via` (RFC 9110 section 7.6.3). */
const PSEUDONYM = 'fairlead'
/** Of that name in `Via`, so many are a loop: nobody has that many balancers in a row. */
const LOOP_LENGTH = 8

/** Whether a request has come by here so often that it goes in circles. */
export function isLoop({ headers: { via } }: IncomingMessage): boolean {
  return via !== undefined && via.split(PSEUDONYM).length > LOOP_LENGTH
}

/**
 * The fields that tell a backend of the way of a request, each a line with its CRLF. Those from the client are
 * replaced, as nothing vouches for them; those from a trusted proxy go on, with what is known here added.
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
  // An empty field says nothing.
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
