import { type BlockList, isIPv6, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { ProxyHeader } from '../proxy-protocol/header.js'
import { clientCommonName, clientNameLine } from '../tls/client-name.js'

/** The other side of a client's connection. */
export interface ConnectionInfo {
  readonly address: string
  /** Whether what it says of the way of a request is believed. */
  readonly isTrusted: boolean
  /** Of what its client speaks, to this balancer or to the proxy that has passed the connection on. */
  readonly scheme: 'http' | 'https'
  /** The port that the client connected to. */
  readonly localPort: number
  /** A line of the field with the name in its certificate; empty if it has shown none. */
  readonly clientNameLine: string
  /** The forwarding fields of a request that comes from there, in lines. */
  readonly forwardingLines: string
}

const PEER = Symbol('peer')
const TRUSTED = Symbol('trusted')
const PROXIED = Symbol('proxied')
const ADDRESS = Symbol('address')

type KnownSocket = Socket & {
  [PEER]?: ConnectionInfo
  [TRUSTED]?: BlockList
  [PROXIED]?: ProxyHeader
  [ADDRESS]?: string | undefined
}

/** Has a socket count as the connection that the header of the PROXY protocol on it tells of. */
export function setProxyHeader(socket: Socket, header: ProxyHeader): void {
  ;(socket as KnownSocket)[PROXIED] = header
}

/** What a proxy has told of a connection that it passed on, if one has. */
export function proxyHeaderOf(socket: Socket): ProxyHeader | undefined {
  return (socket as KnownSocket)[PROXIED]
}

/** Has the connection that TLS makes of another one come from where that came from. */
export function inheritConnectionInfo(socket: Socket, raw: Socket): void {
  const known = socket as KnownSocket
  // The system tells it no more once the client has reset the connection.
  known[ADDRESS] = raw.remoteAddress
  const header = proxyHeaderOf(raw)
  if (header) setProxyHeader(known, header)
}

/**
 * Whether a connection that was just accepted is one that its client has reset already. What was sent over it can still
 * be read, but nobody can tell from where: the system knows its address no more. A Unix socket has none at either end.
 */
export function isResetBeforeAccept(socket: Socket): boolean {
  return socket.remoteAddress === undefined && socket.localAddress !== undefined
}

/** The peer of a connection, found out once for those who trust the same: the pools of one server may trust others. */
export function connectionInfo(socket: Socket, trusted: BlockList): ConnectionInfo {
  const known = socket as KnownSocket
  if (known[TRUSTED] !== trusted) {
    // The system tells it no more once the connection is closed.
    known[ADDRESS] ??= known.remoteAddress
    known[PEER] = findPeer(known, trusted)
    known[TRUSTED] = trusted
  }
  return known[PEER]!
}

function findPeer(socket: KnownSocket, trusted: BlockList): ConnectionInfo {
  const header = socket[PROXIED]
  const address = clientAddress(socket)
  const scheme = speaksTls(socket) ? 'https' : 'http'
  const localPort = header?.source?.localPort || socket.localPort || 0
  const name = clientNameLine(header?.tls ? header.tls.clientName : clientCommonName(socket))
  return {
    address,
    isTrusted: comesFrom(socket, trusted),
    scheme,
    localPort,
    clientNameLine: name,
    forwardingLines: `X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Port: ${localPort}\r\n${name}`
  }
}

/** Whether the client of a connection speaks TLS, here or to the proxy that has passed it on. */
export function speaksTls(socket: Socket): boolean {
  return (socket as Partial<TLSSocket>).encrypted === true || proxyHeaderOf(socket)?.tls !== undefined
}

const MAPPED_IPV4 = '::ffff:'

/** Where a connection comes from: by the word of a proxy that is trusted, or else the address of the socket. */
export function clientAddress(socket: Socket): string {
  return proxyHeaderOf(socket)?.source?.address ?? remoteAddressOf(socket)
}

/** Whether it is known that a connection comes from an address of a list. */
export function comesFrom(socket: Socket, list: BlockList): boolean {
  const header = proxyHeaderOf(socket)
  // A proxy that cannot say whose connection it passes on does not mean that it is its own.
  const isKnown = header === undefined || header.isLocal === true || header.source !== undefined
  return isKnown && contains(list, clientAddress(socket))
}

/**
 * The address at the other end of a socket: IPv4 written as such even on a socket of both families, and IPv6 without the
 * zone, which means something on this machine alone (RFC 4007 section 11.2).
 */
export function remoteAddressOf(socket: KnownSocket): string {
  const address = socket[ADDRESS] ?? socket.remoteAddress ?? 'unknown'
  if (address.startsWith(MAPPED_IPV4)) return address.slice(MAPPED_IPV4.length)
  const zone = address.indexOf('%')
  return zone === -1 ? address : address.slice(0, zone)
}

/** Whether a list of ranges has an address. */
export function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
