import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { connectionInfo, contains } from './connection-info.js'
import { addressOfNode } from './forwarded-node.js'

/** Who sent a request, by what trusted proxies say. */
interface ForwardedClient {
  readonly address: string
  /** In a few words, what a proxy has said that tells no address, if it has. */
  readonly unreadable: string | undefined
}

/** Of what cannot be read, in the log. */
const MAX_SHOWN = 64

const FORWARDED_CLIENT = Symbol('forwarded client')

type KnownRequest = IncomingMessage & { [FORWARDED_CLIENT]?: ForwardedClient }

/**
 * The address of the client: that of the connection or, if a trusted proxy is there, the last in `X-Forwarded-For` that
 * is not a trusted proxy. What stands before it is the word of whoever sent it. Where something stands that is no
 * address, the client is the last hop behind it.
 */
export function clientOf(req: IncomingMessage, trusted: BlockList): string {
  const peer = connectionInfo(req.socket, trusted)
  return peer.isTrusted ? forwardedClient(req, peer.address, trusted).address : peer.address
}

/**
 * In a few words, what a trusted proxy has said in the place of an address: something in `X-Forwarded-For` that is none,
 * or another field. Undefined if all could be read.
 */
export function unreadableHop(req: IncomingMessage, trusted: BlockList): string | undefined {
  const peer = connectionInfo(req.socket, trusted)
  return peer.isTrusted ? forwardedClient(req, peer.address, trusted).unreadable : undefined
}

function forwardedClient(req: IncomingMessage, peer: string, trusted: BlockList): ForwardedClient {
  const known = req as KnownRequest
  known[FORWARDED_CLIENT] ??= findClient(req, peer, trusted)
  return known[FORWARDED_CLIENT]
}

function findClient({ headers }: IncomingMessage, peer: string, trusted: BlockList): ForwardedClient {
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
        address: address ?? peer,
        unreadable: `${JSON.stringify(element.slice(0, MAX_SHOWN))} in X-Forwarded-For`
      }
    }
    address = hop
    if (!contains(trusted, hop)) break
  }
  return address === undefined
    ? { address: peer, unreadable: fieldInstead(headers) }
    : { address, unreadable: undefined }
}

/** One source of truth is read: of two a client could choose that which the proxy does not set. */
function fieldInstead(headers: IncomingMessage['headers']): string | undefined {
  if (headers.forwarded !== undefined) return 'Forwarded, and no X-Forwarded-For'
  return headers['x-real-ip'] === undefined ? undefined : 'X-Real-IP, and no X-Forwarded-For'
}

/** What proxies call it; each in a row may add its own, the first of which stands for the client's connection. */
const PROTOCOL = /^[\s,]*"?(?:(https|wss)|http|ws)"?\s*(?:,|$)/i

/** Whether the client's own connection is encrypted: that is the one here, unless a trusted proxy says otherwise. */
export function isSecure(req: IncomingMessage, trusted: BlockList): boolean {
  const peer = connectionInfo(req.socket, trusted)
  const said = peer.isTrusted ? PROTOCOL.exec(String(req.headers['x-forwarded-proto'] ?? '')) : null
  return said ? said[1] !== undefined : peer.scheme === 'https'
}
