import type { IncomingMessage } from 'node:http'
import type { AttemptFault } from './failure.js'
import { hasBody } from './request-body.js'

/** How many more backends a request may be sent to when its first could not take it. */
export const MORE_TRIES = 2

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

/** Whether a request may be sent twice: it does no harm, and there is nothing of it that would be gone by then. */
export function isRepeatable(req: IncomingMessage): boolean {
  return IDEMPOTENT.has(req.method!) && !hasBody(req)
}

/**
 * Whether a request may go to another backend: whatever it is, if no byte of it reached the first; and if its
 * connection broke before any answer, when sending it twice does no harm.
 * @param sent whether it was written to a connection
 */
export function mayTryAgain(repeatable: boolean, fault: AttemptFault, sent: boolean): boolean {
  return fault.ofBackend && (!sent || (fault.connectionLost && repeatable))
}
