import { connect, isIP, type OnReadOpts, Socket } from 'node:net'
import { type ConnectionOptions, connect as connectSecurely, type SecureContext } from 'node:tls'
import type { SecureOrigin } from '../origin.js'
import { localHeader } from '../proxy-protocol/write-header.js'
import type { Resolver } from '../resolver/resolver.js'
import type { BackendCredentials } from './credentials.js'
import { retryOnFullBacklog } from './full-backlog.js'
import { sendProxyHeader, sendProxyHeaderBeforeTls } from './send-proxy-header.js'
import { withInterface } from './zone.js'

const KEEP_ALIVE_PROBE_MS = 60_000

/** How sockets to backends are opened. */
export interface SocketOptions {
  /** For connection and TLS handshake. */
  readonly connectTimeoutMs: number
  readonly bufferSizeBytes: number
  /** The name for SNI and verification, instead of the host; a backend's own `tlsName` precedes it. */
  readonly servername?: string
  readonly credentials: Pick<BackendCredentials, 'context'>
  /** Protocols for ALPN; absent: no ALPN. */
  readonly alpnProtocols?: readonly string[]
  /** Resolves host names; absent: each connection looks up the name. */
  readonly resolver?: Resolver
}

/** The connection was not established in time. */
export class ConnectTimeout extends Error {
  readonly code = 'LB_CONNECT_TIMEOUT'
}

/** Opens sockets to a backend, and resumes TLS sessions. */
export class SocketOpener {
  readonly #backend: SecureOrigin
  readonly #options: SocketOptions
  #context: SecureContext | undefined
  #session: Buffer | undefined

  constructor(backend: SecureOrigin, options: SocketOptions) {
    this.#backend = backend
    this.#options = options
  }

  /**
   * Connects, and calls `connected` when the socket can be used. It emits `error` on failure.
   * @param header PROXY protocol header of the client, if the backend gets one; absent: that of the balancer's own
   */
  open(onread: OnReadOpts, connected: () => void, header?: Buffer): Socket {
    const { protocol, hostname, socketPath, proxyProtocol } = this.#backend
    const proxyHeader = proxyProtocol ? (header ?? localHeader(proxyProtocol)) : undefined
    const { connectTimeoutMs, bufferSizeBytes } = this.#options
    const resolver = socketPath === undefined ? this.#options.resolver : undefined
    const target = this.#target()
    if (target instanceof Error) return new Socket().destroy(target)
    const options = { ...target, highWaterMark: bufferSizeBytes, onread }
    const isSecure = protocol === 'https:'
    const socket = isSecure ? connectSecurely({ ...options, ...this.#tlsOptions() }) : connect(options)
    if (proxyHeader && isSecure) sendProxyHeaderBeforeTls(socket, proxyHeader)
    if (socketPath !== undefined && !isSecure) retryOnFullBacklog(socket, socketPath)
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_PROBE_MS)
    if (isSecure) {
      socket.on('session', (session) => {
        this.#session = session
      })
    }
    socket.once('connect', () => resolver?.onConnected(hostname, socket.remoteAddress))
    let isConnected = false
    const onTimeout = () => {
      if (!isConnected) socket.destroy(new ConnectTimeout())
    }
    // Pending events are processed first, in case this process was blocked.
    const timer = setTimeout(() => setImmediate(onTimeout), connectTimeoutMs)
    socket.once('close', () => {
      clearTimeout(timer)
      if (!isConnected) resolver?.onNotConnected(hostname)
    })
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      isConnected = true
      clearTimeout(timer)
      if (proxyHeader && !isSecure) sendProxyHeader(socket, proxyHeader, connected)
      else connected()
    })
    return socket
  }

  /** The options of `connect()` that name the target, or why there is none. */
  #target() {
    const { hostname, port, socketPath } = this.#backend
    if (socketPath !== undefined) return { path: socketPath }
    const { resolver } = this.#options
    if (!hostname.includes(':'))
      return { host: hostname, port, ...(resolver ? { lookup: resolver.lookup } : {}) }
    try {
      return { host: withInterface(hostname), port }
    } catch (error) {
      return error as Error
    }
  }

  /** The certificate is verified against the configured name, whatever Host a client sends. */
  #tlsOptions(): ConnectionOptions {
    const { hostname, tlsName, tlsNoVerify } = this.#backend
    const { servername, credentials, alpnProtocols } = this.#options
    const secureContext = credentials.context
    // A session resumes the old credentials: it must not outlive them.
    if (secureContext !== this.#context) this.#session = undefined
    this.#context = secureContext
    const name = tlsName ?? servername ?? hostname
    const rejectUnauthorized = !tlsNoVerify
    const named = isIP(name) === 0 && !name.includes(':') ? { servername: name } : {}
    const offer = alpnProtocols ? { ALPNProtocols: [...alpnProtocols] } : {}
    return { secureContext, session: this.#session, rejectUnauthorized, ...named, ...offer }
  }
}
