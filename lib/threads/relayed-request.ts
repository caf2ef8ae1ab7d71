import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { Duplex } from 'node:stream'
import { fieldValues, hasConflictingHosts } from '../admin/raw-headers.js'
import { targetOf } from '../base/http/request-target.js'

/** What is about the connection of the client, which has been dealt with. */
const OF_CONNECTION = new Set(['connection', 'proxy-connection', 'keep-alive', 'expect', 'trailer'])

/**
 * Begins the same request on a connection to another thread. Its body is to be written, and the end.
 * @param isLast whether the connection of the client is to end with it
 */
export function relayedRequest(req: IncomingMessage, connection: Duplex, isLast: boolean): ClientRequest {
  return request({
    createConnection: () => connection,
    method: req.method,
    path: targetOf(req),
    headers: [...fieldsOf(req), 'Connection', isLast ? 'close' : 'keep-alive']
  })
}

/** The fields as HTTP/1.1 has them, names and values in turn. */
function fieldsOf(req: IncomingMessage): string[] {
  const { rawHeaders } = req
  const [authority] = fieldValues(rawHeaders, ':authority')
  // Two hosts are to be seen as such.
  const isHostKept = authority === undefined || hasConflictingHosts(rawHeaders)
  const fields: string[] = []
  const names = new Set<string>()
  const add = (name: string, value: string) => {
    names.add(name.toLowerCase())
    fields.push(name, value)
  }
  if (authority !== undefined) add('Host', authority)
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    const isKept = name === 'host' ? isHostKept : !name.startsWith(':') && !OF_CONNECTION.has(name)
    if (isKept) add(rawHeaders[i]!, rawHeaders[i + 1]!)
  }
  // HTTP/1.1 demands one, which may be empty, where HTTP/1.0 does not.
  if (!names.has('host')) add('Host', '')
  if (names.has('content-length') || names.has('transfer-encoding')) return fields
  if (hasUnknownLength(req)) add('Transfer-Encoding', 'chunked')
  else add('Content-Length', '0')
  return fields
}

/** HTTP/2 tells the end of a body without its length. */
function hasUnknownLength(req: IncomingMessage): boolean {
  const { stream } = req as unknown as Partial<Http2ServerRequest>
  return stream !== undefined && !stream.endAfterHeaders
}

/**
 * The fields of an answer that are for the client, names and values in turn: from `Date` on, Node has added what is about
 * the connection that it was sent on.
 */
export function relayedFields({ rawHeaders }: IncomingMessage): readonly string[] {
  const end = rawHeaders.indexOf('Date')
  return end === -1 ? rawHeaders : rawHeaders.slice(0, end)
}
