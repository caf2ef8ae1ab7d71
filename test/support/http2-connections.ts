import type { Test } from 'tap'
import { Http1Pool } from '../../lib/transport/http1/pool.js'
import { BackendLimits } from '../../lib/transport/http2/backend-limits.js'
import { http2Options } from '../../lib/transport/http2/options.js'
import { Http2Pool } from '../../lib/transport/http2/pool.js'
import { BackendCredentials } from '../../lib/transport/sockets/credentials.js'
import { SocketOpener } from '../../lib/transport/sockets/open-socket.js'
import { MAX_HEAD_BYTES } from './recorder.js'
import { backendConfigs } from './registry.js'
import { atEnd } from './test.js'

/** Connections of HTTP/2 to a backend without TLS, which are closed at the end of the test. */
export function connectionsTo(
  t: Test,
  { address }: { readonly address: string },
  {
    connectTimeoutMs = 10_000,
    bufferSizeBytes = 32_768,
    known = new BackendLimits(),
    onInternalError = (_error: unknown) => {}
  } = {}
): Http2Pool {
  const [config] = backendConfigs(address.replace(';h2', ''))
  const credentials = new BackendCredentials({ caFile: '', certFile: '', keyFile: '' })
  const options = { connectTimeoutMs, bufferSizeBytes, credentials, maxHeadBytes: MAX_HEAD_BYTES }
  const opener = new SocketOpener(config!, options)
  const upgrades = new Http1Pool({
    open: (...args) => opener.open(...args),
    maxHeadBytes: MAX_HEAD_BYTES
  })
  const connections = new Http2Pool({ ...http2Options(config!, options), onInternalError }, upgrades, known)
  atEnd(t, () => connections.destroy())
  return connections
}
