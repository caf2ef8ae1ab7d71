import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { type Dispatcher, Pool } from 'undici'
import type { OutgoingRequest, ResponseHandler } from './backend-stream.js'
import { Http1Pool } from './http1/pool.js'
import { BackendLimits } from './http2/backend-limits.js'
import { http2Options } from './http2/options.js'
import { Http2Pool } from './http2/pool.js'
import { authorityOf, type SecureOrigin } from './origin.js'
import type { ConnectionOptions } from './origin-options.js'
import { PerClientPool } from './proxy-protocol/per-client-pool.js'
import { clientIdentity, proxiedConnection } from './proxy-protocol/proxied-connection.js'
import { type ProxyVersion, proxyHeader } from './proxy-protocol/write-header.js'
import type { NameWatch } from './resolver/resolver.js'
import { SocketOpener, type SocketOptions } from './sockets/open-socket.js'

const HTTP_1_1 = 'http/1.1'
const HTTP_2 = 'h2'

/** Where a backend is, and how its connections are kept. */
export type PooledOrigin = SecureOrigin & ConnectionOptions

export interface PoolOptions extends SocketOptions {
  /** Of a response. */
  readonly maxHeadBytes: number
  /** Proxies whose forwarding fields say who the client is. */
  readonly trustedProxies: BlockList
  /** The code that handles a response threw: a bug of ours, of which the backend is innocent. */
  readonly onInternalError?: (error: unknown) => void
}

/** The connections to one backend. */
export interface BackendPool {
  /** Sends a request; the handler is told of all that comes of it, sooner or later. */
  dispatch(request: OutgoingRequest, handler: ResponseHandler): void
  /** The name that it goes to, and its addresses; undefined where that is an address itself. */
  readonly name?: Pick<NameWatch, 'addresses' | 'fault'> | undefined
  /** Lets the requests under way be answered, and closes; there may be none after that. */
  close(): Promise<void>
  /** Fails the requests under way, and closes every connection. */
  destroy(): Promise<void>
}

/**
 * The pool of one backend: undici's, which keeps the life cycle, over connections of our own. There is always room for
 * one request more, as the balancer's own limits bound those: undici's queue is unbounded and would make requests wait
 * unseen.
 */
export function createPool(config: PooledOrigin, options: PoolOptions): BackendPool {
  const { proxyProtocol } = config
  const dispatcher = proxyProtocol
    ? clientConnections(config, proxyProtocol, options)
    : config.h2
      ? http2Connections(config, options)()
      : http1Stack(config, options)()
  const pool = new Pool(`${config.protocol}//${authorityOf(config)}`, {
    connections: 1,
    factory: (): Dispatcher => dispatcher
  })
  const resolver = config.socketPath === undefined ? options.resolver : undefined
  const name = resolver?.watch(config.hostname, config.resolveMs, (addresses) =>
    dispatcher.keepOnly(addresses)
  )
  return {
    name,
    // It looks into neither requests nor handlers, and hands them to the dispatcher.
    dispatch: pool.dispatch.bind(pool) as unknown as BackendPool['dispatch'],
    close() {
      name?.stop()
      return pool.close()
    },
    destroy() {
      name?.stop()
      return pool.destroy()
    }
  }
}

/** What announces a connection that speaks one protocol or the other. */
type HeaderOf = (alpn: string) => Buffer

/** One request a connection, since a response that hangs would hold up all behind it. */
function http1Stack(config: PooledOrigin, options: PoolOptions): (headerOf?: HeaderOf) => Http1Pool {
  const opener = new SocketOpener(config, options)
  const { maxHeadBytes, onInternalError } = options
  return (headerOf) => {
    const header = headerOf?.(HTTP_1_1)
    return new Http1Pool({
      open: (onread, connected) => opener.open(onread, connected, header),
      maxHeadBytes,
      lifetime: config,
      ...(onInternalError ? { onInternalError } : {})
    })
  }
}

/** Changes of protocol go over HTTP/1.1, which most servers speak beside HTTP/2. */
function http2Connections(config: PooledOrigin, options: PoolOptions): (headerOf?: HeaderOf) => Http2Pool {
  const upgrades = http1Stack(config, { ...options, alpnProtocols: [HTTP_1_1] })
  const { onInternalError } = options
  const report = onInternalError ? { onInternalError } : {}
  const http2 = { ...http2Options(config, options), lifetime: config, ...report }
  const known = new BackendLimits()
  return (headerOf) => {
    const header = headerOf?.(HTTP_2)
    const open: typeof http2.open = (onread, connected) => http2.open(onread, connected, header)
    return new Http2Pool({ ...http2, open }, upgrades(headerOf), known)
  }
}

/** Connections that are told whose they are, so that each has one client alone. */
function clientConnections(config: PooledOrigin, version: ProxyVersion, options: PoolOptions): PerClientPool {
  const { trustedProxies } = options
  const connections = config.h2 ? http2Connections(config, options) : http1Stack(config, options)
  const headersOf = (req: IncomingMessage): HeaderOf => {
    const connection = proxiedConnection(req, trustedProxies)
    return (alpn) => proxyHeader(version, { ...connection, alpn })
  }
  return new PerClientPool({
    keyOf: (req) => clientIdentity(req, trustedProxies),
    connect: (req) => connections(req && headersOf(req))
  })
}
