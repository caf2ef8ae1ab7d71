import type { IncomingMessage } from 'node:http'
import { connectionOptions, FieldNames, withoutFields } from './field-names.js'

/** Fields of one connection only (RFC 9110 section 7.6.1), and those that the balancer sets itself. */
const NOT_PASSED_ON = new FieldNames([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id'
])

/** Fields that a client cannot have removed by naming them in `Connection`: they route and delimit the message. */
const NEVER_CONNECTION_OPTIONS = new Set(['host', 'content-length', 'via'])

const VIA = '1.1 fairlead'

export interface ForwardedBy {
  readonly requestId: string
  /** Whether to add RFC 7239's `Forwarded`. */
  readonly forwarded: boolean
  /** The host that the target names, if it does. */
  readonly authority?: string | undefined
}

/**
 * The fields of the request to a backend as a flat list of names and values: what the client sent, in its order and
 * case, without the fields of its connection, and with what a gateway adds. Forwarding fields from the client are
 * replaced, as nothing vouches for them.
 */
export function requestFields(req: IncomingMessage, by: ForwardedBy): string[] {
  const { requestId, forwarded, authority } = by
  const raw = req.rawHeaders
  let fields: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    if (!NOT_PASSED_ON.has(name)) fields.push(name, raw[i + 1]!)
  }
  const connection = req.headers.connection
  if (connection !== undefined && connection !== 'keep-alive' && connection !== 'close') {
    const named = connectionOptions(connection).filter((option) => !NEVER_CONNECTION_OPTIONS.has(option))
    if (named.length > 0) fields = withoutFields(fields, named)
  }
  if (authority !== undefined) {
    fields = withoutFields(fields, ['host'])
    fields.push('Host', authority)
  }
  const client = clientAddress(req)
  const host = authority ?? req.headers.host
  fields.push('X-Forwarded-For', client, 'X-Forwarded-Proto', 'http')
  if (host !== undefined) fields.push('X-Forwarded-Host', host)
  if (forwarded) fields.push('Forwarded', forwardedElement(client, host))
  fields.push('Via', VIA, 'X-Request-Id', requestId)
  return fields
}

const MAPPED_IPV4 = '::ffff:'

/** The address of the peer, IPv4 written as such even on a socket of both families. */
export function clientAddress(req: IncomingMessage): string {
  const address = req.socket.remoteAddress ?? 'unknown'
  return address.startsWith(MAPPED_IPV4) ? address.slice(MAPPED_IPV4.length) : address
}

/** RFC 7239 section 4. */
function forwardedElement(client: string, host: string | undefined): string {
  const node = client.includes(':') ? `"[${client}]"` : client
  const hostPair = host === undefined ? '' : `;host="${host.replace(/["\\]/g, '\\$&')}"`
  return `for=${node}${hostPair};proto=http`
}
