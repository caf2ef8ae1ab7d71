import type { OnReadOpts, Socket } from 'node:net'
import { DEFAULT_WINDOW_BYTES } from '../../base/http2/frames/frames.js'
import type { RequestOrigin } from '../../base/http2/hpack/request-encoder.js'
import type { LifetimeOptions } from '../lifetime.js'
import { authorityOf, type SecureOrigin } from '../origin.js'
import { SocketOpener, type SocketOptions } from '../sockets/open-socket.js'

/** Receive window of a stream: a multiple of the buffer size, within these bounds. */
const WINDOW_BUFFERS = 8
const LARGEST_WINDOW_BYTES = 262_144

/** How connections of HTTP/2 to a backend are made. */
export interface Http2ConnectionOptions extends RequestOrigin {
  /** Opens the socket. */
  readonly open: (onread: OnReadOpts, connected: () => void, header?: Buffer) => Socket
  /** Limit of a response's head, and of its trailers. */
  readonly maxHeadBytes: number
  /** Receive window of a stream. */
  readonly windowBytes: number
  /** For connection, TLS and the backend's SETTINGS. */
  readonly connectTimeoutMs: number
  /** Unlimited if absent. */
  readonly lifetime?: LifetimeOptions
  /** A response handler threw: a bug of ours, not a fault of the backend. The connection fails with that error. */
  readonly onInternalError?: (error: unknown) => void
}

/** The options of connections to an origin. */
export function http2Options(
  origin: SecureOrigin,
  options: SocketOptions & { readonly maxHeadBytes: number }
): Http2ConnectionOptions {
  const { bufferSizeBytes, connectTimeoutMs, maxHeadBytes } = options
  const opener = new SocketOpener(origin, { ...options, alpnProtocols: ['h2'] })
  const windowBytes = Math.min(
    Math.max(WINDOW_BUFFERS * bufferSizeBytes, DEFAULT_WINDOW_BYTES),
    LARGEST_WINDOW_BYTES
  )
  return {
    open: (onread, connected, header) => opener.open(onread, connected, header),
    authority: authorityOf(origin),
    scheme: origin.protocol === 'https:' ? 'https' : 'http',
    maxHeadBytes,
    windowBytes,
    connectTimeoutMs
  }
}
