import { isIP } from 'node:net'
import { buildConnector, Pool } from 'undici'
import { BackendReader, PlainReader } from './backend-reader.js'
import { ClientStack } from './client-stack.js'
import type { BackendConfig } from './config/backends.js'

export interface PoolOptions {
  readonly connectTimeoutMs: number
  readonly bufferSizeBytes: number
}

/** TLS options of a backend: its certificate is verified against the name in its URL, whatever Host a client sends. */
export function tlsOptions({ protocol, hostname }: BackendConfig): { servername?: string } {
  return protocol === 'https:' && isIP(hostname) === 0 ? { servername: hostname } : {}
}

/**
 * The pool of one backend. It opens as many connections as there are requests in flight, as the balancer's own limits
 * bound those: undici's queue is unbounded and would make requests wait unseen. One request a connection, since a
 * response that hangs would hold up all behind it.
 */
export function createPool(config: BackendConfig, options: PoolOptions): Pool {
  return new Pool(`${config.protocol}//${config.address}`, {
    connect: config.protocol === 'https:' ? secureConnector(config, options) : plainConnector(options),
    pipelining: 1,
    connections: 1,
    factory: (origin, clientOptions) => new ClientStack(origin, clientOptions),
    allowH2: false,
    // The exchanges watch over the response head themselves; a stream may be silent for as long as its two ends like.
    headersTimeout: 0,
    bodyTimeout: 0
  })
}

function connectorOptions({ connectTimeoutMs, bufferSizeBytes }: PoolOptions) {
  // undici's types do not list highWaterMark, which it passes on to net.connect.
  return { timeout: connectTimeoutMs, ...({ highWaterMark: bufferSizeBytes } as object) }
}

function plainConnector(options: PoolOptions): buildConnector.connector {
  return (target, callback) => {
    const reader = new BackendReader()
    // One for each connection, as each is read by a reader of its own.
    const connect = buildConnector({ ...connectorOptions(options), ...({ onread: reader.onread } as object) })
    connect(target, (...result) => {
      if (result[1]) reader.attach(result[1])
      callback(...result)
    })
  }
}

function secureConnector(config: BackendConfig, options: PoolOptions): buildConnector.connector {
  const connect = buildConnector(connectorOptions(options))
  const { servername = '' } = tlsOptions(config)
  return (target, callback) =>
    connect({ ...target, servername }, (...result) => {
      if (result[1]) new PlainReader().attach(result[1])
      callback(...result)
    })
}
