import { type IncomingMessage, METHODS } from 'node:http'
import { areSameAuthority, isAuthority } from '../../base/http/authority.js'
import { plainHeadOf } from '../../base/http/plain-head.js'
import { isHttp10 } from '../../base/http/request-body.js'
import { type Destination, destinationOf } from '../../base/http/request-target.js'
import { streamRequestOf } from '../../base/http/stream-request.js'
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

const SCHEME = /^https?$/i
const HTTPS = /^https:/i
/** The characters that Node's parser accepts in a target. */
const VISIBLE = /^[!-~]*$/
/** The methods of HTTP and its extensions: Node's parser also knows those of RTSP, and HTTP/2 accepts any token. */
const KNOWN_METHODS = new Set(METHODS)
/** Lengths of up to so many digits are exact in every reader. */
const MAX_LENGTH_DIGITS = 15

/** Whether a method is one that is registered for HTTP. */
export function isKnownMethod(method: string): boolean {
  return KNOWN_METHODS.has(method)
}

/** Limits on the size of a request. */
export type RequestLimits = Pick<ClientLimits, 'headers' | 'targetBytes' | 'bodyBytes'>

/**
 * Looks for what two readers could read differently, of all that Node's parser accepts, and for what breaks the limits.
 * Such a request is not forwarded. Returns the failure, or where the request goes.
 */
export function checkRequest(
  req: IncomingMessage,
  target: string,
  limits: RequestLimits
): Destination | Failure {
  // The lane has looked for all of this.
  if (plainHeadOf(req)) return { path: target, authority: undefined }
  const { headers, rawHeaders } = req
  const method = req.method!
  if (!isSpoken(req)) return BAD_VERSION
  if (target.length > limits.targetBytes) return TARGET_TOO_LONG
  const stream = streamRequestOf(req)
  if (stream && !(SCHEME.test(stream.scheme) && VISIBLE.test(target))) return BAD_REQUEST
  if (rawHeaders.length > 2 * limits.headers) return TOO_MANY_FIELDS
  const coding = headers['transfer-encoding']
  // Another coding would be lost on the way, and with it the meaning of the body; HTTP/1.0 has none.
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || isHttp10(req))) return BAD_REQUEST
  const length = headers['content-length']
  if (length !== undefined) {
    if (length.length > MAX_LENGTH_DIGITS || coding !== undefined) return BAD_REQUEST
    if (declaresMore(req, limits.bodyBytes)) return BODY_TOO_LARGE
  }
  const destination = destinationOf(method, target)
  if (!destination || !hasOneHost(req, target, destination.authority)) return BAD_REQUEST
  const { expect } = headers
  if (expect !== undefined && !isHttp10(req) && expect.toLowerCase() !== '100-continue')
    return EXPECTATION_FAILED
  return isLoop(req) ? LOOP : destination
}

/**
 * Whether a request declares a body that is larger than a limit.
 * @param maxBytes 0 for no limit
 */
export function declaresMore({ headers }: IncomingMessage, maxBytes: number): boolean {
  return maxBytes > 0 && Number(headers['content-length'] ?? 0) > maxBytes
}

/** Whether the request is of a version that is supported: a request line can name any, whatever follows. */
function isSpoken(req: IncomingMessage): boolean {
  return req.httpVersionMajor === 1 ? req.httpVersionMinor <= 1 : streamRequestOf(req) !== undefined
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
  return host === undefined || areSameAuthority(host, authority, HTTPS.test(target))
}
