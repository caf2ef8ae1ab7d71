import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { isIP } from 'node:net'
import { contains, peerOf } from './peer.js'

/**
 * The address of the client: that of the connection or, if a trusted proxy is there, the last in `X-Forwarded-For` that
 * is not a trusted proxy. What stands before it is the word of whoever sent it.
 */
export function clientOf(req: IncomingMessage, trusted: BlockList): string {
  const peer = peerOf(req.socket, trusted)
  const before = peer.isTrusted ? req.headers['x-forwarded-for'] : undefined
  if (before === undefined) return peer.address
  let client = peer.address
  for (const part of String(before).split(',').reverse()) {
    const address = part.trim()
    if (isIP(address) === 0) break
    client = address
    if (!contains(trusted, address)) break
  }
  return client
}

/** What proxies call it; each in a row may add its own, the first of which stands for the client's connection. */
const ENCRYPTED = /^(?:https|wss)\s*(?:,|$)/i

/** Whether the client's own connection is encrypted: that is the one here, unless a trusted proxy says otherwise. */
export function isSecure(req: IncomingMessage, trusted: BlockList): boolean {
  const peer = peerOf(req.socket, trusted)
  const told = peer.isTrusted ? req.headers['x-forwarded-proto'] : undefined
  return ENCRYPTED.test(String(told ?? peer.scheme))
}
