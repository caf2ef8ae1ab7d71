import type { Test } from 'tap'
import { ConnectionStack } from '../../lib/transport/http1/connection-stack.js'
import { Connections } from '../../lib/transport/http2/connections.js'
import { KnownBackend } from '../../lib/transport/http2/known-backend.js'
import { http2Options } from '../../lib/transport/http2/options.js'
import { BackendCredentials } from '../../lib/transport/sockets/credentials.js'
import { SocketOpener } from '../../lib/transport/sockets/open-socket.js'
import { MAX_HEAD_BYTES } from './recorder.js'
import { backendConfigs } from './registry.js'
import { atEnd } from './test.js'

/** Connections of HTTP/2 to a backend without TLS, which are closed at the end of the test. */
export function connectionsTo(
  t: Test,
  { address }: { readonly address: string },
  { connectTimeoutMs = 10_000, bufferSizeBytes = 32_768, known = new KnownBackend() } = {}
): Connections {
  const [config] = backendConfigs(address.replace(';h2', ''))
  const credentials = new BackendCredentials({ caFile: '', certFile: '', keyFile: '' })
  const options = { connectTimeoutMs, bufferSizeBytes, credentials, maxHeadBytes: MAX_HEAD_BYTES }
  const opener = new SocketOpener(config!, options)
  const upgrades = new ConnectionStack({
    open: (...args) => opener.open(...args),
    maxHeadBytes: MAX_HEAD_BYTES
  })
  const connections = new Connections(http2Options(config!, options), upgrades, known)
  atEnd(t, () => connections.destroy())
  return connections
}
