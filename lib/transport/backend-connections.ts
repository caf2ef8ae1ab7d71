import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import type { Dispatcher } from 'undici'
import type { OutgoingRequest, ResponseHandler } from './backend-stream.js'
import { Http1Pool } from './http1/pool.js'
import type { Http2Pool } from './http2/pool.js'
import { authorityOf, type SecureOrigin } from './origin.js'
import type { ConnectionOptions } from './origin-options.js'
import type { PerClientPool } from './proxy-protocol/per-client-pool.js'
import type { ProxyVersion } from './proxy-protocol/write-header.js'
import type { NameWatch } from './resolver/resolver.js'
import { SocketOpener, type SocketOptions } from './sockets/open-socket.js'
import { Pool } from './undici.js'

const HTTP_1_1 = 'http/1.1'
const HTTP_2 = 'h2'

/** The origin of a backend, and the options of its connections. */
export type PooledOrigin = SecureOrigin & ConnectionOptions

/** What the pools of all backends have in common. */
export interface PoolOptions extends SocketOptions {
  /** Limit of a response's head, and of its trailers. */
  readonly maxHeadBytes: number
  /** Proxies whose forwarding fields say who the client is. */
  readonly trustedProxies: BlockList
  /** The code that handles a response threw: a bug of ours, of which the backend is innocent. */
  readonly onInternalError?: (error: unknown) => void
}

/** The connection pool of a backend. */
export interface BackendPool {
  /** Sends a request. The handler is called with the response or an error. */
  dispatch(request: OutgoingRequest, handler: ResponseHandler): void
  /** The addresses of the host name; undefined if the backend is configured by address. */
  readonly name?: Pick<NameWatch, 'addresses' | 'fault'> | undefined
  /** Closes once the requests under way have ended. No request may follow. */
  close(): Promise<void>
  /** Fails the requests under way, and closes all connections. */
  destroy(): Promise<void>
}

/**
 * Creates the pool of a backend: undici's `Pool`, which manages the life cycle, over connections of our own. They accept
 * any number of requests, which the balancer's own limits bound: undici's queue is unbounded, and requests would wait in
 * it unseen.
 */
export function createPool(config: PooledOrigin, options: PoolOptions): BackendPool {
  const { proxyProtocol } = config
  const dispatcher = proxyProtocol
    ? perClientPool(config, proxyProtocol, options)
    : config.h2
      ? http2Pools(config, options)()
      : http1Pools(config, options)()
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
    // undici passes requests and handlers to the dispatcher without looking into them.
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

/** The PROXY protocol header of a connection, by the protocol that it is used for (ALPN). */
type HeaderOf = (alpn: string) => Buffer

/** Without pipelining, as a slow response would block those behind it. */
function http1Pools(config: PooledOrigin, options: PoolOptions): (headerOf?: HeaderOf) => Http1Pool {
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

/** Upgrades use HTTP/1.1, which most servers speak beside HTTP/2. */
function http2Pools(config: PooledOrigin, options: PoolOptions): (headerOf?: HeaderOf) => Http2Pool {
  // Loaded with the first backend that speaks it.
  const { BackendLimits } = require('./http2/backend-limits.js') as typeof import('./http2/backend-limits.js')
  const { http2Options } = require('./http2/options.js') as typeof import('./http2/options.js')
  const { Http2Pool } = require('./http2/pool.js') as typeof import('./http2/pool.js')
  const upgrades = http1Pools(config, { ...options, alpnProtocols: [HTTP_1_1] })
  const { onInternalError } = options
  const report = onInternalError ? { onInternalError } : {}
  const http2 = { ...http2Options(config, options), lifetime: config, ...report }
  const limits = new BackendLimits()
  return (headerOf) => {
    const header = headerOf?.(HTTP_2)
    const open: typeof http2.open = (onread, connected) => http2.open(onread, connected, header)
    return new Http2Pool({ ...http2, open }, upgrades(headerOf), limits)
  }
}

/** A pool for each client, as each connection begins with the PROXY protocol header of one client. */
function perClientPool(config: PooledOrigin, version: ProxyVersion, options: PoolOptions): PerClientPool {
  // Loaded with the first backend that wants it.
  const { PerClientPool: Pool } =
    require('./proxy-protocol/per-client-pool.js') as typeof import('./proxy-protocol/per-client-pool.js')
  const { clientIdentity, proxiedConnection } =
    require('./proxy-protocol/proxied-connection.js') as typeof import('./proxy-protocol/proxied-connection.js')
  const { proxyHeader } =
    require('./proxy-protocol/write-header.js') as typeof import('./proxy-protocol/write-header.js')
  const { trustedProxies } = options
  const connections = config.h2 ? http2Pools(config, options) : http1Pools(config, options)
  const headersOf = (req: IncomingMessage): HeaderOf => {
    const connection = proxiedConnection(req, trustedProxies)
    return (alpn) => proxyHeader(version, { ...connection, alpn })
  }
  return new Pool({
    keyOf: (req) => clientIdentity(req, trustedProxies),
    connect: (req) => connections(req && headersOf(req))
  })
}
