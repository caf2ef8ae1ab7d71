import type { IncomingMessage } from 'node:http'
import type { OutgoingRequest } from '../../transport/backend-stream.js'
import type { AttemptFault } from '../failure.js'

/** Methods that may be sent twice (RFC 9110 section 9.2.2, and the registry of methods for WebDAV's and QUERY). */
const IDEMPOTENT = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
  'QUERY',
  'PROPFIND',
  'REPORT',
  'SEARCH'
])

/** Methods that change nothing (RFC 9110 section 9.2.1, and the registry of methods). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH'])

/** Whether a request changes nothing, so that it may be sent to two backends at once. */
export function isSafe(req: IncomingMessage): boolean {
  return SAFE.has(req.method!)
}

/** Whether sending a request a second time does no harm. */
export function isIdempotent(req: IncomingMessage): boolean {
  return IDEMPOTENT.has(req.method!)
}

/** Whether a request may be sent a second time as it stands: that does no harm, and all of its body is still there. */
export function isReplayable(request: OutgoingRequest): boolean {
  return request.replayable && isWhole(request)
}

/** Whether all of a request that was sent is still there. */
function isWhole({ body, retryBuffer }: OutgoingRequest): boolean {
  return retryBuffer?.isComplete ?? !body
}

/**
 * Whether a request may be retried: in any case if no byte of it reached the backend, or if the backend refused it
 * unprocessed; if its connection broke before any answer, only if it may be sent twice.
 * @param sent whether it was written to a connection
 */
export function isRetryable(request: OutgoingRequest, fault: AttemptFault, sent: boolean): boolean {
  if (fault.missing) return false
  if (!sent) return true
  return fault.unprocessed ? isWhole(request) : fault.connectionLost && isReplayable(request)
}

/** Whether a connection was lost that had carried other requests, as happens when a backend closes what was idle. */
export function isStale({ connectionLost, streamReset }: AttemptFault, isReused: boolean): boolean {
  return isReused && connectionLost && !streamReset
}
