import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { Duplex } from 'node:stream'
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

/** The fields without those of the connection, names and values in turn. */
function fieldsOf({ rawHeaders }: IncomingMessage): string[] {
  const fields: string[] = []
  const names = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (OF_CONNECTION.has(name)) continue
    names.add(name)
    fields.push(rawHeaders[i]!, rawHeaders[i + 1]!)
  }
  // HTTP/1.1 demands one, which may be empty, where HTTP/1.0 does not.
  if (!names.has('host')) fields.push('Host', '')
  if (!names.has('content-length') && !names.has('transfer-encoding')) fields.push('Content-Length', '0')
  return fields
}

/**
 * The fields of an answer that are for the client, names and values in turn: from `Date` on, Node has added what is about
 * the connection that it was sent on.
 */
export function relayedFields({ rawHeaders }: IncomingMessage): readonly string[] {
  const end = rawHeaders.indexOf('Date')
  return end === -1 ? rawHeaders : rawHeaders.slice(0, end)
}
