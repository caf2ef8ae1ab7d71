import type { IncomingMessage } from 'node:http'

/** Whether the client waits for `100 Continue` before it sends the body (RFC 9110 section 10.1.1). */
export function expectsContinue(req: IncomingMessage): boolean {
  return req.headers.expect !== undefined && !isHttp10(req) && hasBody(req)
}

/** Whether a request is HTTP/1.0, which has neither chunked encoding nor interim responses. */
export function isHttp10({ httpVersionMajor, httpVersionMinor }: IncomingMessage): boolean {
  return httpVersionMajor === 1 && httpVersionMinor === 0
}

/** Whether a request has a body (RFC 9112 section 6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined
}
