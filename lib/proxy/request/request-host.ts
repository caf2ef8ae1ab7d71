import type { Backend } from '../../pool/backend.js'
import type { OutgoingRequest } from '../../transport/backend-stream.js'
import { authorityOf } from '../../transport/origin.js'

/**
 * A request as one backend is sent it. Where the client has named no host that is the backend's own authority, as
 * HTTP/1.1 wants one that is not empty (RFC 9112 section 3.2).
 */
export function requestTo(backend: Backend, request: OutgoingRequest): OutgoingRequest {
  if (!request.lacksHost) return request
  const fieldsAt = request.head.indexOf('\n') + 1
  const line = `Host: ${authorityOf(backend.config)}\r\n`
  return { ...request, head: request.head.slice(0, fieldsAt) + line + request.head.slice(fieldsAt) }
}
