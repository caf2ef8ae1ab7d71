import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { connectionInfo, contains } from './connection-info.js'
import { addressOfNode } from './forwarded-node.js'

/** The client of a request, as trusted proxies name it. */
interface ForwardedClient {
  readonly address: string
  /** What a proxy has sent that names no address, in a few words; undefined if all could be parsed. */
  readonly unreadable: string | undefined
}

/** Characters that the log shows of an element that cannot be parsed. */
const MAX_SHOWN = 64

const FORWARDED_CLIENT = Symbol('forwarded client')

type CachedRequest = IncomingMessage & { [FORWARDED_CLIENT]?: ForwardedClient }

/**
 * The address of the client: that of the connection or, if that is a trusted proxy's, the last address in
 * `X-Forwarded-For` that is none. What precedes it may be forged. An element that is no address ends the search: then
 * the client is the hop after it.
 */
export function clientOf(req: IncomingMessage, trusted: BlockList): string {
  const { isTrusted, address } = connectionInfo(req.socket, trusted)
  return isTrusted ? forwardedClient(req, address, trusted).address : address
}

/**
 * What a trusted proxy has sent instead of an address, in a few words: an invalid element in `X-Forwarded-For`, or another
 * field. Undefined if all could be parsed.
 */
export function unreadableHop(req: IncomingMessage, trusted: BlockList): string | undefined {
  const { isTrusted, address } = connectionInfo(req.socket, trusted)
  return isTrusted ? forwardedClient(req, address, trusted).unreadable : undefined
}

function forwardedClient(req: IncomingMessage, proxy: string, trusted: BlockList): ForwardedClient {
  const cached = req as CachedRequest
  cached[FORWARDED_CLIENT] ??= findClient(req, proxy, trusted)
  return cached[FORWARDED_CLIENT]
}

function findClient({ headers }: IncomingMessage, proxy: string, trusted: BlockList): ForwardedClient {
  const field = (headers['x-forwarded-for'] as string | undefined) ?? ''
  let address: string | undefined
  for (let end = field.length; end >= 0; ) {
    const comma = end === 0 ? -1 : field.lastIndexOf(',', end - 1)
    const element = field.slice(comma + 1, end).trim()
    end = comma
    // An empty element is none (RFC 9110 section 5.6.1).
    if (element === '') continue
    const hop = addressOfNode(element)
    if (hop === undefined) {
      return {
        address: address ?? proxy,
        unreadable: `${JSON.stringify(element.slice(0, MAX_SHOWN))} in X-Forwarded-For`
      }
    }
    address = hop
    if (!contains(trusted, hop)) break
  }
  return address === undefined
    ? { address: proxy, unreadable: fieldInstead(headers) }
    : { address, unreadable: undefined }
}

/** Only one field is read: of two, a client could forge that which the proxy does not set. */
function fieldInstead(headers: IncomingMessage['headers']): string | undefined {
  if (headers.forwarded !== undefined) return 'Forwarded, and no X-Forwarded-For'
  return headers['x-real-ip'] === undefined ? undefined : 'X-Real-IP, and no X-Forwarded-For'
}

/** The schemes that proxies send. Each of several may append its own: the first is that of the client's connection. */
const PROTOCOL = /^[\s,]*"?(?:(https|wss)|http|ws)"?\s*(?:,|$)/i

/** Whether the client's own connection is encrypted: that to this balancer, unless a trusted proxy says otherwise. */
export function isSecure(req: IncomingMessage, trusted: BlockList): boolean {
  const { isTrusted, scheme } = connectionInfo(req.socket, trusted)
  const forwarded = isTrusted ? PROTOCOL.exec(String(req.headers['x-forwarded-proto'] ?? '')) : null
  return forwarded ? forwarded[1] !== undefined : scheme === 'https'
}
