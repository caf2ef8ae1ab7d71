import { isIP } from 'node:net'
import { buildConnector, Pool } from 'undici'
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
  const connect = buildConnector({
    timeout: options.connectTimeoutMs,
    // Passed on to net.connect; undici's types do not list it.
    ...({ highWaterMark: options.bufferSizeBytes } as object)
  })
  const { servername = '' } = tlsOptions(config)
  return new Pool(`${config.protocol}//${config.address}`, {
    connect: (target, callback) => connect({ ...target, servername }, callback),
    pipelining: 1,
    allowH2: false,
    // The exchanges watch over the response head themselves; a stream may be silent for as long as its two ends like.
    headersTimeout: 0,
    bodyTimeout: 0
  })
}
