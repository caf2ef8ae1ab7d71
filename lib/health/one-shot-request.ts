import type { OutgoingRequest, ResponseHandler } from '../transport/backend-stream.js'
import { Http1Connection } from '../transport/http1/connection.js'
import type { Http2Connection } from '../transport/http2/connection.js'
import type { SecureOrigin } from '../transport/origin.js'
import { SocketOpener, type SocketOptions } from '../transport/sockets/open-socket.js'

export interface OneShotOptions extends SocketOptions {
  readonly maxHeadBytes: number
  /** The connection is closed. */
  readonly onClosed: () => void
}

/** A connection that carries one request. */
export interface OneShotConnection {
  /** Closes it, and tells the handler of the request why, unless the response is complete. */
  fail(error: Error): void
}

/** Sends a request over a new connection, which closes after the response. */
export function sendOneShot(
  origin: SecureOrigin,
  options: OneShotOptions,
  request: OutgoingRequest,
  handler: ResponseHandler
): OneShotConnection {
  return origin.h2
    ? overHttp2(origin, options, request, handler)
    : overHttp1(origin, options, request, handler)
}

function overHttp1(
  origin: SecureOrigin,
  { onClosed, ...options }: OneShotOptions,
  request: OutgoingRequest,
  handler: ResponseHandler
): OneShotConnection {
  const opener = new SocketOpener(origin, options)
  const owner = {
    onActivity: () => {},
    onIdle: () => connection.destroy(),
    onTunnel: () => {},
    onClosed
  }
  const connection: Http1Connection = new Http1Connection(
    (...args) => opener.open(...args),
    owner,
    options.maxHeadBytes
  )
  connection.send(request, handler)
  return connection
}

function overHttp2(
  origin: SecureOrigin,
  { onClosed, ...options }: OneShotOptions,
  request: OutgoingRequest,
  handler: ResponseHandler
): OneShotConnection {
  // Loaded with the first backend that speaks it.
  const { Http2Connection: Connection } =
    require('../transport/http2/connection.js') as typeof import('../transport/http2/connection.js')
  const { http2Options } =
    require('../transport/http2/options.js') as typeof import('../transport/http2/options.js')
  let isSent = false
  const connection: Http2Connection = new Connection(http2Options(origin, options), {
    onReady: () => {
      isSent = true
      connection.send(request, handler)
      connection.close()
    },
    onChange: () => {},
    onAllRefused: () => {},
    onStale: () => {},
    onClosed: (error) => {
      onClosed()
      if (!isSent) handler.onError(error)
    }
  })
  return connection
}
