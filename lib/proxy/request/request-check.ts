import { type IncomingMessage, METHODS } from 'node:http'
import { isHttp10 } from '../../base/http/request-body.js'
import { type Destination, destinationOf } from '../../base/http/request-target.js'
import type { ClientLimits } from '../../listener/client-limits.js'
import {
  BAD_REQUEST,
  BAD_VERSION,
  BODY_TOO_LARGE,
  EXPECTATION_FAILED,
  type Failure,
  LOOP,
  TARGET_TOO_LONG,
  TOO_MANY_FIELDS
} from '../failure.js'
import { isLoop } from './forwarding-fields.js'
import { Http2Request } from './http2-request.js'

/** `host [ ":" port ]` of RFC 3986 section 3.2.2, without the characters that some would take for a delimiter. */
const AUTHORITY = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9._~%!$&'()*+;=-]+)(?::(\d{0,5}))?$/i
const MAX_PORT = 65_535
/** The port that a scheme means where none is named, or an empty one. */
const HTTP_PORT = /:(?:80)?$/
const HTTPS_PORT = /:(?:443)?$/
const SCHEME = /^https?$/i
/** What Node's own parser takes in a target. */
const VISIBLE = /^[!-~]*$/
/** Those of HTTP and its extensions: Node's parser knows those of RTSP too, and HTTP/2 any at all. */
const KNOWN_METHODS = new Set(METHODS)
/** Digits of the lengths that everybody reads exactly. */
const MAX_LENGTH_DIGITS = 15

/** Whether a method is one that is registered for HTTP. */
export function isKnownMethod(method: string): boolean {
  return KNOWN_METHODS.has(method)
}

/** Of the size of a request. */
export type RequestLimits = Pick<ClientLimits, 'headers' | 'targetBytes' | 'bodyBytes'>

/**
 * Finds what in a request two readers could read differently, of all that Node's parser lets through, and what breaks
 * the limits: such a request is not passed on at all. Returns the failure, or where the request goes.
 */
export function checkRequest(
  req: IncomingMessage,
  target: string,
  limits: RequestLimits
): Destination | Failure {
  const { headers, rawHeaders } = req
  const method = req.method!
  if (!isSpoken(req)) return BAD_VERSION
  if (target.length > limits.targetBytes) return TARGET_TOO_LONG
  if (req instanceof Http2Request && !(SCHEME.test(req.scheme) && VISIBLE.test(target))) return BAD_REQUEST
  if (rawHeaders.length > 2 * limits.headers) return TOO_MANY_FIELDS
  const coding = headers['transfer-encoding']
  // Another coding would be lost on the way, and with it the meaning of the body; HTTP/1.0 knows none.
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || isHttp10(req))) return BAD_REQUEST
  const length = headers['content-length']
  if (length !== undefined) {
    if (length.length > MAX_LENGTH_DIGITS || coding !== undefined) return BAD_REQUEST
    if (limits.bodyBytes > 0 && Number(length) > limits.bodyBytes) return BODY_TOO_LARGE
  }
  const destination = destinationOf(method, target)
  if (!destination || !hasOneHost(req, target, destination.authority)) return BAD_REQUEST
  const { expect } = headers
  if (expect !== undefined && !isHttp10(req) && expect.toLowerCase() !== '100-continue')
    return EXPECTATION_FAILED
  return isLoop(req) ? LOOP : destination
}

/** Whether it came in a version of HTTP that is spoken here: a request line can name any, whatever follows. */
function isSpoken(req: IncomingMessage): boolean {
  return req.httpVersionMajor === 1 ? req.httpVersionMinor <= 1 : req instanceof Http2Request
}

/** Whether the host is named once, or the same in target and field (RFC 9112 section 3.2). */
function hasOneHost(
  { rawHeaders, headers }: IncomingMessage,
  target: string,
  authority: string | undefined
): boolean {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length === 4 && name.toLowerCase() === 'host') count++
  }
  if (count > 1) return false
  const { host } = headers
  if (host !== undefined && host !== '' && !isAuthority(host)) return false
  if (authority === undefined) return true
  if (!isAuthority(authority)) return false
  const port = /^https:/i.test(target) ? HTTPS_PORT : HTTP_PORT
  return host === undefined || canonical(host, port) === canonical(authority, port)
}

let lastAuthority = ''

function isAuthority(text: string): boolean {
  // Mostly it is the same as that of the request before.
  if (text === lastAuthority) return true
  const match = AUTHORITY.exec(text)
  if (!match || Number(match[1] ?? 0) > MAX_PORT) return false
  lastAuthority = text
  return true
}

/** Case does not count, nor does the port that the scheme means anyway (RFC 9110 section 4.2.3). */
function canonical(authority: string, schemePort: RegExp): string {
  return authority.toLowerCase().replace(schemePort, '')
}
