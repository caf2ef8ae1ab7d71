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

/** Whether sending a request a second time does no harm. */
export function isIdempotent(req: IncomingMessage): boolean {
  return IDEMPOTENT.has(req.method!)
}

/** Whether a request may be sent twice as it stands: no harm is done, and nothing of it is gone. */
export function isRepeatable(request: OutgoingRequest): boolean {
  return request.replayable && isWhole(request)
}

/** Whether nothing is gone of a request that was sent. */
function isWhole({ body, retryBuffer }: OutgoingRequest): boolean {
  return retryBuffer?.isComplete ?? !body
}

/**
 * Whether a request may be tried again: whatever it is, if no byte of it reached the backend, or that says that it has
 * not looked at it; and if its connection broke before any answer, when it may be sent twice.
 * @param sent whether it was written to a connection
 */
export function mayTryAgain(request: OutgoingRequest, fault: AttemptFault, sent: boolean): boolean {
  if (fault.missing) return false
  if (!sent) return true
  return fault.unprocessed ? isWhole(request) : fault.connectionLost && isRepeatable(request)
}

/** Whether a connection was lost that had carried other requests, as happens when a backend closes what was idle. */
export function isStale({ connectionLost, streamReset }: AttemptFault, isReused: boolean): boolean {
  return isReused && connectionLost && !streamReset
}
