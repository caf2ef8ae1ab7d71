import type { OnReadOpts, Socket } from 'node:net'
import type { LifetimeOptions } from '../lifetime.js'

/** How connections of HTTP/1.1 to a backend are made. */
export interface Http1PoolOptions {
  /** Opens the socket of a new connection. */
  readonly open: (onread: OnReadOpts, connected: () => void) => Socket
  /** Limit of a response's head, and of its trailers. */
  readonly maxHeadBytes: number
  /** Unlimited if absent. */
  readonly lifetime?: LifetimeOptions
  /** A response handler threw: a bug of ours, not a fault of the backend. The request fails with that error. */
  readonly onInternalError?: (error: unknown) => void
}
