import type { IncomingMessage } from 'node:http'

/** Whether the client waits with its body for a `100` (RFC 9110 section 10.1.1). */
export function expectsContinue(req: IncomingMessage): boolean {
  return req.headers.expect !== undefined && !isHttp10(req) && hasBody(req)
}

/** Whether it came by HTTP/1.0, which knows neither chunks nor interim responses. */
export function isHttp10({ httpVersionMajor, httpVersionMinor }: IncomingMessage): boolean {
  return httpVersionMajor === 1 && httpVersionMinor === 0
}

/** Whether a request has a body at all (RFC 9112 section 6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length']
  return (length !== undefined && length !== '0') || headers['transfer-encoding'] !== undefined
}
