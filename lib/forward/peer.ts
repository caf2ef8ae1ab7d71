import { type BlockList, isIPv6, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** The other side of a client's connection. */
export interface Peer {
  readonly address: string
  /** Whether what it says of the way of a request is believed. */
  readonly isTrusted: boolean
  /** Of what it speaks to this balancer. */
  readonly scheme: 'http' | 'https'
  /** The port that the client connected to. */
  readonly localPort: number
  /** The forwarding fields of a request that comes from there, in lines. */
  readonly lines: string
}

/** Where a connection came from by the word of a proxy that passed it on. */
export interface ProxiedFrom {
  readonly address: string
  /** The port that the client connected to. */
  readonly localPort: number
}

/** What is said where a proxy passes a connection on, and cannot say from where: it is not that of the proxy itself. */
const UNKNOWN_ORIGIN: ProxiedFrom = { address: '', localPort: 0 }

const PEER = Symbol('peer')
const PROXIED_FROM = Symbol('proxied from')

type KnownSocket = Socket & { [PEER]?: Peer; [PROXIED_FROM]?: ProxiedFrom }

/** Has a socket count as a connection from elsewhere. */
export function setProxiedFrom(socket: Socket, from: ProxiedFrom): void {
  ;(socket as KnownSocket)[PROXIED_FROM] = from
}

/** Has a socket count as a connection from nobody knows where, which is in no list of those that may do something. */
export function setUnknownOrigin(socket: Socket): void {
  ;(socket as KnownSocket)[PROXIED_FROM] = UNKNOWN_ORIGIN
}

/** Has the connection that TLS makes of another one come from where that came from. */
export function inheritOrigin(socket: Socket, raw: Socket): void {
  const from = (raw as KnownSocket)[PROXIED_FROM]
  if (from) setProxiedFrom(socket, from)
}

/** The peer of a connection, found out once. */
export function peerOf(socket: Socket, trusted: BlockList): Peer {
  const known = socket as KnownSocket
  known[PEER] ??= findPeer(known, trusted)
  return known[PEER]
}

function findPeer(socket: KnownSocket, trusted: BlockList): Peer {
  const address = clientAddress(socket)
  const scheme = (socket as Partial<TLSSocket>).encrypted ? 'https' : 'http'
  const localPort = socket[PROXIED_FROM]?.localPort || socket.localPort || 0
  return {
    address,
    isTrusted: comesFrom(socket, trusted),
    scheme,
    localPort,
    lines: `X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Port: ${localPort}\r\n`
  }
}

const MAPPED_IPV4 = '::ffff:'

/** Where a connection comes from: by the word of a proxy that is trusted, or else the address of the socket. */
export function clientAddress(socket: Socket): string {
  return (socket as KnownSocket)[PROXIED_FROM]?.address || socketAddress(socket)
}

/** Whether it is known that a connection comes from an address of a list. */
export function comesFrom(socket: Socket, list: BlockList): boolean {
  return (socket as KnownSocket)[PROXIED_FROM] !== UNKNOWN_ORIGIN && contains(list, clientAddress(socket))
}

/** The address at the other end of a socket, IPv4 written as such even on a socket of both families. */
export function socketAddress(socket: Socket): string {
  const address = socket.remoteAddress ?? 'unknown'
  return address.startsWith(MAPPED_IPV4) ? address.slice(MAPPED_IPV4.length) : address
}

/** Whether a list of ranges has an address. */
export function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
