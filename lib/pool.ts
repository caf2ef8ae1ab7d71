import { type Dispatcher, Pool } from 'undici'
import type { OutgoingRequest, ResponseHandler } from './carrier.js'
import type { BackendConfig } from './config/backends.js'
import { ConnectionStack } from './http1/connection-stack.js'
import { SocketOpener, type SocketOptions } from './http1/open-socket.js'

export interface PoolOptions extends SocketOptions {
  /** Of a response. */
  readonly maxHeadBytes: number
}

/** The connections to one backend. */
export interface BackendPool {
  /** Sends a request; the handler is told of all that comes of it, sooner or later. */
  dispatch(request: OutgoingRequest, handler: ResponseHandler): void
  /** Lets the requests under way be answered, and closes; there may be none after that. */
  close(): Promise<void>
  /** Fails the requests under way, and closes every connection. */
  destroy(): Promise<void>
}

/**
 * The pool of one backend: undici's, which keeps the life cycle, over connections of our own. It opens as many as there
 * are requests in flight, as the balancer's own limits bound those: undici's queue is unbounded and would make requests
 * wait unseen. One request a connection, since a response that hangs would hold up all behind it.
 */
export function createPool(config: BackendConfig, options: PoolOptions): BackendPool {
  const opener = new SocketOpener(config, options)
  const stack = new ConnectionStack({
    open: (onread, connected) => opener.open(onread, connected),
    maxHeadBytes: options.maxHeadBytes
  })
  const pool = new Pool(`${config.protocol}//${config.address}`, {
    connections: 1,
    factory: (): Dispatcher => stack
  })
  // It looks into neither requests nor handlers, and hands them to the stack.
  return pool as unknown as BackendPool
}
