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

export interface SocketOptions {
  /** For the connection to stand, TLS included. */
  readonly connectTimeoutMs: number
  readonly bufferSizeBytes: number
  /** The name that TLS asks for and verifies, instead of the host's; a name that the backend itself is given goes first. */
  readonly servername?: string
  readonly credentials: Pick<BackendCredentials, 'context'>
  /** What is offered to be spoken over TLS (ALPN); nothing if it is not given. */
  readonly alpnProtocols?: readonly string[]
  /** Knows the addresses of names; without it the system is asked each time. */
  readonly resolver?: Resolver
}

/** Connecting took too long. */
export class ConnectTimeout extends Error {
  readonly code = 'LB_CONNECT_TIMEOUT'
}

/** Opens sockets to one backend, and has sessions of TLS resumed. */
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
   * Begins to connect; calls `connected` when the socket can be used. A failure is the socket's `error`.
   * @param header of the PROXY protocol, where the backend is told whose connection it is; or else it is the balancer's
   */
  open(onread: OnReadOpts, connected: () => void, header?: Buffer): Socket {
    const { protocol, hostname, socketPath, proxyProtocol } = this.#backend
    const proxyHeader = proxyProtocol ? (header ?? localHeader(proxyProtocol)) : undefined
    const { connectTimeoutMs, bufferSizeBytes } = this.#options
    const resolver = socketPath === undefined ? this.#options.resolver : undefined
    const place = this.#place()
    if (place instanceof Error) return new Socket().destroy(place)
    const options = { ...place, highWaterMark: bufferSizeBytes, onread }
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
    const giveUp = () => {
      if (!isConnected) socket.destroy(new ConnectTimeout())
    }
    // Whether it stands is heard of first, in case that this process was held up.
    const timer = setTimeout(() => setImmediate(giveUp), connectTimeoutMs)
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

  /** Where it connects to, or why it cannot. */
  #place() {
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

  /** Its certificate is verified against the name in its URL, or that beside it, whatever Host a client sends. */
  #tlsOptions(): ConnectionOptions {
    const { hostname, tlsName, tlsNoVerify } = this.#backend
    const { servername, credentials, alpnProtocols } = this.#options
    const secureContext = credentials.context
    // What was shown and believed before is resumed with a session.
    if (secureContext !== this.#context) this.#session = undefined
    this.#context = secureContext
    const name = tlsName ?? servername ?? hostname
    const rejectUnauthorized = !tlsNoVerify
    const named = isIP(name) === 0 && !name.includes(':') ? { servername: name } : {}
    const offer = alpnProtocols ? { ALPNProtocols: [...alpnProtocols] } : {}
    return { secureContext, session: this.#session, rejectUnauthorized, ...named, ...offer }
  }
}
