import type { IncomingMessage } from 'node:http'
import type { BlockList, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { clientOf, isSecure } from '../../listener/client/client-address.js'
import { connectionInfo, proxyHeaderOf } from '../../listener/client/connection-info.js'
import type { ClientTls } from '../../listener/proxy-protocol/header.js'
import { clientCommonName } from '../../listener/tls/client-name.js'
import type { ProxiedConnection } from './write-header.js'

/** Distinguishes the clients whose requests a trusted proxy sends over one connection. */
export function clientIdentity(req: IncomingMessage, trusted: BlockList): string {
  if (!connectionInfo(req.socket, trusted).isTrusted) return ''
  return `${clientOf(req, trusted)} ${isSecure(req, trusted)}`
}

/**
 * The client's connection, for the PROXY protocol header. If the client is known from a trusted proxy's forwarding fields
 * alone, its port is 0, and nothing is known of its TLS but that it is used.
 */
export function proxiedConnection(req: IncomingMessage, trusted: BlockList): ProxiedConnection {
  const { socket } = req
  const header = proxyHeaderOf(socket)
  const address = clientOf(req, trusted)
  const isDirect = address === connectionInfo(socket, trusted).address
  const tls = isDirect ? (header?.tls ?? tlsOn(socket)) : {}
  const authority = isDirect ? (header?.authority ?? serverName(socket)) : undefined
  const isUnknown = isDirect && header !== undefined && !header.source && !header.isLocal
  const source = {
    address,
    port: isDirect ? (header?.source?.port ?? socket.remotePort ?? 0) : 0,
    localAddress: header?.source?.localAddress ?? socket.localAddress ?? '',
    localPort: header?.source?.localPort ?? socket.localPort ?? 0
  }
  return {
    source: isUnknown ? undefined : source,
    ...(isSecure(req, trusted) ? { tls: tls ?? {} } : {}),
    ...(authority === undefined ? {} : { authority }),
    ...(header?.uniqueId === undefined ? {} : { uniqueId: header.uniqueId })
  }
}

function tlsOn(socket: Socket): ClientTls | undefined {
  const tls = socket as Partial<TLSSocket>
  if (!tls.encrypted) return undefined
  const version = tls.getProtocol?.()
  const cipher = tls.getCipher?.()?.name
  const clientName = clientCommonName(socket)
  return {
    ...(version ? { version } : {}),
    ...(cipher ? { cipher } : {}),
    ...(clientName === undefined ? {} : { clientName })
  }
}

/** The server name (SNI). */
function serverName(socket: Socket): string | undefined {
  const { servername } = socket as Socket & { servername?: string | false }
  return servername || undefined
}
