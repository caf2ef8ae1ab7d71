import { type Dispatcher, Pool } from 'undici'
import type { OutgoingRequest, ResponseHandler } from './carrier.js'
import type { BackendConfig } from './config/backends.js'
import { ConnectionStack } from './http1/connection-stack.js'
import { SocketOpener, type SocketOptions } from './http1/open-socket.js'
import { Connections } from './http2/connections.js'
import { http2Options } from './http2/options.js'
import type { NameWatch } from './resolver/resolver.js'

export interface PoolOptions extends SocketOptions {
  /** Of a response. */
  readonly maxHeadBytes: number
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
export function createPool(config: BackendConfig, options: PoolOptions): BackendPool {
  const dispatcher = config.h2 ? http2Connections(config, options) : http1Stack(config, options)
  const pool = new Pool(`${config.protocol}//${config.address}`, {
    connections: 1,
    factory: (): Dispatcher => dispatcher
  })
  const name = options.resolver?.watch(config.hostname, config.resolveMs, (addresses) =>
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

/** One request a connection, since a response that hangs would hold up all behind it. */
function http1Stack(config: BackendConfig, options: PoolOptions): ConnectionStack {
  const opener = new SocketOpener(config, options)
  return new ConnectionStack({
    open: (onread, connected) => opener.open(onread, connected),
    maxHeadBytes: options.maxHeadBytes,
    lifetime: config
  })
}

/** Changes of protocol go over HTTP/1.1, which most servers speak beside HTTP/2. */
function http2Connections(config: BackendConfig, options: PoolOptions): Connections {
  const upgrades = http1Stack(config, { ...options, alpnProtocols: ['http/1.1'] })
  return new Connections({ ...http2Options(config, options), lifetime: config }, upgrades)
}
