import { type BlockList, isIPv6, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { ProxyHeader } from '../proxy-protocol/header.js'
import { clientCommonName, clientNameLine } from '../tls/client-name.js'

/** Where a client's connection comes from. */
export interface ConnectionInfo {
  readonly address: string
  /** Whether it comes from a trusted proxy, whose forwarding fields are believed. */
  readonly isTrusted: boolean
  /** What the client speaks: to this balancer, or to the proxy that sent a PROXY protocol header. */
  readonly scheme: 'http' | 'https'
  /** The port that the client connected to. */
  readonly localPort: number
  /** The field with the common name of the client's certificate, as a line; empty without one. */
  readonly clientNameLine: string
  /** The forwarding fields of its requests, as lines. */
  readonly forwardingLines: string
}

const INFO = Symbol('connection info')
const TRUSTED = Symbol('trusted')
const PROXY_HEADER = Symbol('PROXY protocol header')
const ADDRESS = Symbol('address')

type ClientSocket = Socket & {
  [INFO]?: ConnectionInfo
  [TRUSTED]?: BlockList
  [PROXY_HEADER]?: ProxyHeader
  [ADDRESS]?: string | undefined
}

/** Stores the PROXY protocol header of a connection, which from then on counts as the one that the header describes. */
export function setProxyHeader(socket: Socket, header: ProxyHeader): void {
  ;(socket as ClientSocket)[PROXY_HEADER] = header
}

/** The PROXY protocol header of a connection, if it had one. */
export function proxyHeaderOf(socket: Socket): ProxyHeader | undefined {
  return (socket as ClientSocket)[PROXY_HEADER]
}

/** Copies the origin of a connection to the TLS socket over it. */
export function inheritConnectionInfo(socket: Socket, raw: Socket): void {
  const secure = socket as ClientSocket
  // Unknown to the system once the client has reset the connection.
  secure[ADDRESS] = raw.remoteAddress
  const header = proxyHeaderOf(raw)
  if (header) setProxyHeader(secure, header)
}

/** What is known of where a connection comes from, as another thread can be told of it. */
export interface ConnectionOrigin {
  readonly address: string
  readonly isEncrypted: boolean
  readonly proxyHeader: ProxyHeader | undefined
}

/** Where a connection comes from, for another thread. */
export function originOf(socket: Socket): ConnectionOrigin {
  return {
    address: remoteAddressOf(socket),
    isEncrypted: (socket as Partial<TLSSocket>).encrypted === true,
    proxyHeader: proxyHeaderOf(socket)
  }
}

/** Has a connection of another kind count as the one of a client. */
export function setOrigin(connection: Duplex, { address, isEncrypted, proxyHeader }: ConnectionOrigin): void {
  const socket = connection as ClientSocket
  socket[ADDRESS] = address
  // Fastify asks for it as well.
  Object.assign(socket, { encrypted: isEncrypted, remoteAddress: address })
  if (proxyHeader) setProxyHeader(socket, proxyHeader)
}

/**
 * Whether the client has reset a connection before it was accepted. What was sent over it could still be read, but the
 * system no longer knows its address. A Unix socket has an address at neither end.
 */
export function isResetBeforeAccept(socket: Socket): boolean {
  return socket.remoteAddress === undefined && socket.localAddress !== undefined
}

/**
 * Where a connection comes from. Cached for the latest list of trusted proxies: the pools of one server may have several.
 * @param trusted proxies whose forwarding fields are believed
 */
export function connectionInfo(socket: Socket, trusted: BlockList): ConnectionInfo {
  const cached = socket as ClientSocket
  if (cached[TRUSTED] !== trusted) {
    // Unknown to the system once the connection is closed.
    cached[ADDRESS] ??= cached.remoteAddress
    cached[INFO] = readInfo(cached, trusted)
    cached[TRUSTED] = trusted
  }
  return cached[INFO]!
}

function readInfo(socket: ClientSocket, trusted: BlockList): ConnectionInfo {
  const header = socket[PROXY_HEADER]
  const address = clientAddress(socket)
  const scheme = speaksTls(socket) ? 'https' : 'http'
  const localPort = header?.source?.localPort || portOf(socket)
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

const portOfServer = new WeakMap<Server, number>()

/** The port that a connection came to. It is the server's, so that the system is asked once, not for each of them. */
function portOf(socket: ClientSocket): number {
  const { server } = socket as { server?: Server }
  const known = server && portOfServer.get(server)
  if (known) return known
  const port = socket.localPort ?? 0
  if (server) portOfServer.set(server, port)
  return port
}

/** Whether the client of a connection speaks TLS, to this balancer or to the proxy that sent a PROXY protocol header. */
export function speaksTls(socket: Socket): boolean {
  return (socket as Partial<TLSSocket>).encrypted === true || proxyHeaderOf(socket)?.tls !== undefined
}

const MAPPED_IPV4 = '::ffff:'

/** The address of a client: that in the PROXY protocol header, or else that of the socket. */
export function clientAddress(socket: Socket): string {
  return proxyHeaderOf(socket)?.source?.address ?? remoteAddressOf(socket)
}

/** Whether a connection is known to come from an address of a list. */
export function comesFrom(socket: Socket, list: BlockList): boolean {
  const header = proxyHeaderOf(socket)
  // A header without addresses does not mean that the connection is the proxy's own.
  const isKnown = header === undefined || header.isLocal === true || header.source !== undefined
  return isKnown && contains(list, clientAddress(socket))
}

/**
 * The remote address of a socket: an IPv4-mapped address as IPv4, and IPv6 without its zone, which has a meaning on this
 * machine alone (RFC 4007 section 11.2).
 */
export function remoteAddressOf(socket: ClientSocket): string {
  const address = socket[ADDRESS] ?? socket.remoteAddress ?? 'unknown'
  if (address.startsWith(MAPPED_IPV4)) return address.slice(MAPPED_IPV4.length)
  const zone = address.indexOf('%')
  return zone === -1 ? address : address.slice(0, zone)
}

const isEmptyList = new WeakMap<BlockList, boolean>()

/** Whether an address is in a list of ranges, which has all of them when it is first asked. */
export function contains(list: BlockList, address: string): boolean {
  let isEmpty = isEmptyList.get(list)
  if (isEmpty === undefined) {
    isEmpty = list.rules.length === 0
    isEmptyList.set(list, isEmpty)
  }
  return !isEmpty && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
