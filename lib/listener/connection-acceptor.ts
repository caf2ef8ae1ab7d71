import type { BlockList, Server, Socket } from 'node:net'
import type { DescriptorLimit } from '../base/shortage/descriptor-limit.js'
import type { Shortages } from '../base/shortage/shortages.js'
import { exceedsDescriptorLimit } from './accepting.js'
import { contains, isResetBeforeAccept, proxyHeaderOf, remoteAddressOf } from './client/connection-info.js'
import type { ClientCounts } from './client-counts.js'
import { PendingConnections } from './drain/pending-connections.js'
import type { Http2Acceptor } from './http2/acceptor.js'
import { detectVersion } from './http2/preface.js'
import { SocketsPerClient } from './sockets-per-client.js'
import type { TlsAcceptor } from './tls/acceptor.js'

export type ConnectionListener = (socket: Socket) => void

export interface ConnectionAcceptorOptions {
  /** Serves HTTP/1.1 on a connection. */
  readonly serveHttp: ConnectionListener
  /** Undefined where clients speak no TLS to the balancer. */
  readonly tls: Pick<TlsAcceptor, 'accept'> | undefined
  /** Undefined if HTTP/2 is disabled. */
  readonly http2: Pick<Http2Acceptor, 'accept'> | undefined
  /** Whether HTTP/2 is also spoken without TLS, with prior knowledge (RFC 9113 section 3.3). */
  readonly acceptsPlainHttp2: boolean
  /** Whether connections from trusted proxies begin with a header of the PROXY protocol. */
  readonly proxyProtocol: boolean
  readonly trustedProxies: BlockList
  /** For the PROXY header, and for the first bytes, each. */
  readonly headTimeoutMs: number
  /** Connections that one client may have open; 0 for no limit. */
  readonly socketsPerClient: number
  /** Where they are counted, if several threads have them; in this one if absent. */
  readonly clientCounts?: ClientCounts | undefined
  readonly descriptorLimit: DescriptorLimit
  readonly shortages: Shortages
  /** A connection is closed unanswered, as it is one too many or its PROXY header is wrong. */
  readonly onDropped: () => void
  /** Why a PROXY header was refused, and the address of the proxy. */
  readonly onProxyHeaderRefused: (reason: string, address: string) => void
  /** Told by 1 of each connection that opens, and by -1 of each that closes. */
  readonly onOpen: (change: number) => void
  /** The client speaks TLS on this connection, to the balancer or to the proxy in front of it. */
  readonly onSecure: ConnectionListener
}

/**
 * Takes client connections through what comes before HTTP, in this order: limits, the header of the PROXY protocol, TLS,
 * the version of HTTP.
 */
export class ConnectionAcceptor {
  /** Connections between their first byte and the end of what comes before HTTP. */
  readonly opening = new PendingConnections()
  readonly #options: ConnectionAcceptorOptions
  readonly #open = new Set<Socket>()
  /** One for all of them. */
  readonly #onClose: (this: Socket) => void
  readonly #perClient: SocketsPerClient
  /** What follows the PROXY header on the balancer's own port. */
  readonly #serve: ConnectionListener
  /** The same where TLS has ended at a proxy in front, or is not spoken. */
  readonly #servePlain: ConnectionListener
  readonly #acceptProxied: ConnectionListener

  constructor(options: ConnectionAcceptorOptions) {
    this.#options = options
    const open = this.#open
    this.#onClose = function () {
      if (open.delete(this)) options.onOpen(-1)
    }
    this.#perClient = new SocketsPerClient(options.socketsPerClient, options.clientCounts)
    this.#servePlain = this.#plainListener()
    this.#serve = options.tls ? (socket) => this.#serveTls(socket) : this.#servePlain
    this.#acceptProxied = this.#afterProxyHeader((socket) => this.#admit(socket, this.#serve))
  }

  /** The client connections that are open; one of TLS is there once, as what it carries. */
  get open(): ReadonlySet<Socket> {
    return this.#open
  }

  /** Whether a connection that was just accepted uses none of the reserved file descriptors; otherwise it is closed. */
  hasDescriptorFor(socket: Socket): boolean {
    const { descriptorLimit, shortages } = this.#options
    if (!exceedsDescriptorLimit(socket, descriptorLimit, shortages)) return true
    this.#drop(socket)
    return false
  }

  /** Serves a connection, or closes it. */
  accept(socket: Socket): void {
    if (isResetBeforeAccept(socket)) {
      socket.destroy()
      return
    }
    this.#track(socket)
    this.#acceptProxied(socket)
  }

  /**
   * Puts the reading of PROXY headers before what another server does with its connections. A client that speaks TLS to
   * the proxy in front is served as on the balancer's own port: a redirect to `https://` would only send it there.
   */
  readProxyHeaders(server: Server): void {
    const serve = this.#resumed(detachListener(server))
    server.on(
      'connection',
      this.#afterProxyHeader((socket) => {
        if (!proxyHeaderOf(socket)?.tls) {
          serve(socket)
          return
        }
        this.#track(socket)
        this.#admit(socket, this.#servePlain)
      })
    )
  }

  #afterProxyHeader(accept: ConnectionListener): ConnectionListener {
    const { proxyProtocol, trustedProxies, headTimeoutMs, onDropped, onProxyHeaderRefused } = this.#options
    if (!proxyProtocol) return accept
    // Loaded only where it is spoken.
    const { receiveProxyHeader } =
      require('./proxy-protocol/receive-header.js') as typeof import('./proxy-protocol/receive-header.js')
    return (socket) => {
      const address = remoteAddressOf(socket)
      if (!contains(trustedProxies, address)) {
        accept(socket)
        return
      }
      receiveProxyHeader(socket, headTimeoutMs, this.opening.track(socket, accept), (reason) => {
        onDropped()
        onProxyHeaderRefused(reason, address)
      })
    }
  }

  #admit(socket: Socket, serve: ConnectionListener): void {
    if (!this.#perClient.admit(socket)) {
      this.#drop(socket)
      return
    }
    if (proxyHeaderOf(socket)?.tls) this.#options.onSecure(socket)
    serve(socket)
  }

  #serveTls(raw: Socket): void {
    const { tls, http2, serveHttp, onSecure } = this.#options
    tls!.accept(raw, (socket) => {
      if (this.#open.delete(raw)) this.#options.onOpen(-1)
      this.#track(socket)
      onSecure(socket)
      if (socket.alpnProtocol === 'h2') http2!.accept(socket)
      else serveHttp(socket)
    })
  }

  #plainListener(): ConnectionListener {
    const { http2, acceptsPlainHttp2, proxyProtocol, headTimeoutMs, serveHttp } = this.#options
    const serveHttp1 = this.#resumed(serveHttp)
    if (!http2 || !(acceptsPlainHttp2 || proxyProtocol)) return serveHttp1
    const serveByPreface: ConnectionListener = (socket) => {
      const serve = (isHttp2: boolean) => {
        if (isHttp2) http2.accept(socket)
        else serveHttp1(socket)
      }
      detectVersion(socket, headTimeoutMs, this.opening.track(socket, serve))
    }
    if (acceptsPlainHttp2) return serveByPreface
    // A proxy that ends TLS may speak HTTP/1.1 for a client that has agreed on HTTP/2 with it: the first bytes decide.
    return (socket) => {
      if (proxyHeaderOf(socket)?.alpn === 'h2') serveByPreface(socket)
      else serveHttp1(socket)
    }
  }

  /** A connection is paused once a header was read off it. TLS resumes by itself. */
  #resumed(serve: ConnectionListener): ConnectionListener {
    if (!this.#options.proxyProtocol) return serve
    return (socket) => {
      serve(socket)
      socket.resume()
    }
  }

  #track(socket: Socket): void {
    this.#open.add(socket)
    this.#options.onOpen(1)
    socket.on('close', this.#onClose)
  }

  #drop(socket: Socket): void {
    this.#options.onDropped()
    socket.destroy()
  }
}

/** Takes the one listener for connections off a server, for what comes before it. */
export function detachListener(server: Server): ConnectionListener {
  const [listener] = server.listeners('connection') as ConnectionListener[]
  server.removeAllListeners('connection')
  return (socket) => listener!.call(server, socket)
}
