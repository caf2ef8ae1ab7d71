import { STATUS_CODES } from 'node:http'
import { describeNetworkError, isUnreachable, networkErrorCode } from '../base/network-error.js'
import { missingResource, type Resource } from '../base/shortage/resource.js'
import { BrokenResponse, HeadTooLarge } from '../transport/http1/broken-response.js'
import { RequestRefused } from '../transport/http2/errors.js'

/** A failure that the balancer answers itself, in the shape of Fastify's errors. Never holds a backend's address. */
export interface Failure {
  readonly statusCode: number
  readonly code: string
  readonly error: string
  readonly message: string
}

function failure(statusCode: number, code: string, message: string): Failure {
  return Object.freeze({ statusCode, code, error: STATUS_CODES[statusCode]!, message })
}

export const NO_BACKEND = failure(503, 'LB_NO_BACKEND', 'No backend is available')
export const OVERLOADED = failure(503, 'LB_OVERLOADED', 'Too many requests are in flight')
export const QUEUE_FULL = failure(503, 'LB_QUEUE_FULL', 'Too many requests wait for a backend')
export const QUEUE_TIMEOUT = failure(503, 'LB_QUEUE_TIMEOUT', 'No backend had room in time')
const UNREACHABLE = failure(502, 'LB_BACKEND_UNREACHABLE', 'The backend could not be reached')
export const CONNECT_TIMEOUT = failure(
  504,
  'LB_CONNECT_TIMEOUT',
  'The backend did not accept a connection in time'
)
/** Of a `grpc-timeout`, which says nothing about the backend. */
export const DEADLINE_EXCEEDED = failure(504, 'LB_DEADLINE_EXCEEDED', 'The time that the client gave ran out')
const RESPONSE_TIMEOUT = failure(504, 'LB_RESPONSE_TIMEOUT', 'The backend did not answer in time')
const CONNECTION_LOST = failure(
  502,
  'LB_CONNECTION_LOST',
  'The backend closed the connection before it answered'
)
export const BAD_RESPONSE = failure(502, 'LB_BAD_RESPONSE', 'The backend sent a broken response')
export const RESPONSE_HEAD_TOO_LARGE = failure(
  502,
  'LB_BAD_RESPONSE',
  'The head or the trailers of the response are too large'
)
export const BAD_REQUEST = failure(
  400,
  'LB_BAD_REQUEST',
  'The request cannot be passed on without changing its meaning'
)

/** Some readers would take it for a path outside the prefix by which it came here. */
export const AMBIGUOUS_PATH = failure(
  400,
  'LB_AMBIGUOUS_PATH',
  'The path of the request can be read in more than one way'
)
export const NO_ROUTE = failure(404, 'LB_NO_ROUTE', 'No route leads anywhere for this request')
export const EXPECTATION_FAILED = failure(417, 'LB_EXPECTATION', 'Nothing is known here but 100-continue')
export const BODY_TOO_LARGE = failure(413, 'LB_BODY_TOO_LARGE', 'The body of the request is too large')
export const TARGET_TOO_LONG = failure(414, 'LB_TARGET_TOO_LONG', 'The target of the request is too long')
export const TOO_MANY_FIELDS = failure(431, 'LB_TOO_MANY_FIELDS', 'The request has too many fields')
export const HEAD_TOO_LARGE = failure(431, 'LB_HEAD_TOO_LARGE', 'The head of the request is too large')
export const BODY_TIMEOUT = failure(408, 'LB_BODY_TIMEOUT', 'The body of the request did not come in time')
export const DENIED = failure(403, 'LB_DENIED', 'Requests from this address are not served')
export const RATE_LIMITED = failure(429, 'LB_RATE_LIMITED', 'Too many requests came from this address')
export const LOOP = failure(508, 'LB_LOOP', 'The request goes in circles')
export const UNKNOWN_METHOD = failure(501, 'LB_UNKNOWN_METHOD', 'The method of the request is not passed on')
export const METHOD_OF_HTTP2 = failure(
  501,
  'LB_UNKNOWN_METHOD',
  'The method of the request is passed on over HTTP/2 alone'
)
/** Sending a request back would show its fields to scripts. */
export const NO_TRACE = failure(405, 'LB_NO_TRACE', 'A request is not sent back from here')
export const BAD_VERSION = failure(505, 'LB_BAD_VERSION', 'This version of HTTP is not spoken here')

/** After a `503`, a client may try again in so many seconds. */
export const RETRY_AFTER_S = 1

/** A failed attempt at a backend. */
export interface AttemptFault {
  readonly failure: Failure
  /** A few words for the log. */
  readonly detail: string
  /** What this machine lacks, in which case the backend is innocent. */
  readonly missing: Resource | undefined
  /** Nothing listens there, or nothing leads there. */
  readonly unreachable: boolean
  /** The connection broke, so that the same request may succeed elsewhere. */
  readonly connectionLost: boolean
  /** Only this request is lost, and not its connection: the backend reset the stream. */
  readonly streamReset: boolean
  /** The backend says that it has not processed the request (RFC 9113 section 8.7). */
  readonly unprocessed: boolean
  /** It has processed no request on that connection at all. */
  readonly refusesAll: boolean
  /** Head and body of the response are complete: only the trailers are broken. */
  readonly inTrailers: boolean
}

const CONNECTION_LOST_CODES = new Set([
  'LB_CONNECTION_CLOSED',
  'LB_STREAM_RESET',
  'LB_REQUEST_REFUSED',
  'LB_PING_TIMEOUT',
  'ECONNRESET',
  'EPIPE',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH'
])
const CONNECT_TIMEOUT_CODES = new Set(['LB_CONNECT_TIMEOUT', 'LB_SETTINGS_TIMEOUT', 'ETIMEDOUT'])

/**
 * What an error of a connection means for the attempt.
 * @param sent whether the request was written to a connection before it failed
 */
export function classify(error: Error, sent: boolean): AttemptFault {
  const code = networkErrorCode(error)
  const detail = describeNetworkError(error)
  const unprocessed = code === 'LB_REQUEST_REFUSED'
  const refusesAll = error instanceof RequestRefused && error.ofAll
  const connectionLost = sent && !unprocessed && CONNECTION_LOST_CODES.has(code)
  const unreachable = !sent && isUnreachable(error)
  const streamReset = code === 'LB_STREAM_RESET'
  const missing = missingResource(error)
  const inTrailers = error instanceof BrokenResponse && error.inTrailers
  const failure =
    error instanceof HeadTooLarge ? RESPONSE_HEAD_TOO_LARGE : missing ? OVERLOADED : failureOf(code, sent)
  return {
    failure,
    detail,
    missing,
    unreachable,
    connectionLost,
    streamReset,
    unprocessed,
    refusesAll,
    inTrailers
  }
}

function failureOf(code: string, sent: boolean): Failure {
  if (!sent && code !== 'LB_REQUEST_REFUSED')
    return CONNECT_TIMEOUT_CODES.has(code) ? CONNECT_TIMEOUT : UNREACHABLE
  if (code === 'LB_RESPONSE_TIMEOUT') return RESPONSE_TIMEOUT
  return CONNECTION_LOST_CODES.has(code) || code === 'ETIMEDOUT' ? CONNECTION_LOST : BAD_RESPONSE
}

/** Whether a status says that the backend is not well, and not that it cannot do what was asked. */
export function isServerError(statusCode: number): boolean {
  return statusCode >= 500 && statusCode !== 501 && statusCode !== 505
}
