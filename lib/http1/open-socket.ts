import { connect, isIP, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import type { Origin } from '../config/backends.js'

const KEEP_ALIVE_PROBE_MS = 60_000

export interface SocketOptions {
  /** For the connection to stand, TLS included. */
  readonly connectTimeoutMs: number
  readonly bufferSizeBytes: number
  /** The name that TLS asks for and verifies, instead of the backend's. */
  readonly servername?: string
}

/** TLS options of a backend: its certificate is verified against the name in its URL, whatever Host a client sends. */
export function tlsOptions(
  { protocol, hostname }: Origin,
  servername: string = hostname
): { servername?: string } {
  return protocol === 'https:' && isIP(servername) === 0 ? { servername } : {}
}

/** Connecting took too long. */
export class ConnectTimeout extends Error {
  readonly code = 'LB_CONNECT_TIMEOUT'
}

/** Opens sockets to one backend, and has sessions of TLS resumed. */
export class SocketOpener {
  readonly #backend: Origin
  readonly #options: SocketOptions
  #session: Buffer | undefined

  constructor(backend: Origin, options: SocketOptions) {
    this.#backend = backend
    this.#options = options
  }

  /** Begins to connect; calls `connected` when the socket can be used. A failure is the socket's `error`. */
  open(onread: OnReadOpts, connected: () => void): Socket {
    const { protocol, hostname, port } = this.#backend
    const { connectTimeoutMs, bufferSizeBytes, servername } = this.#options
    const options = { host: hostname, port, highWaterMark: bufferSizeBytes, onread }
    const isSecure = protocol === 'https:'
    const socket = isSecure
      ? connectSecurely({ ...options, ...tlsOptions(this.#backend, servername), session: this.#session })
      : connect(options)
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_PROBE_MS)
    if (isSecure) {
      socket.on('session', (session) => {
        this.#session = session
      })
    }
    let isConnected = false
    const giveUp = () => {
      if (!isConnected) socket.destroy(new ConnectTimeout())
    }
    // Whether it stands is heard of first, in case that this process was held up.
    const timer = setTimeout(() => setImmediate(giveUp), connectTimeoutMs)
    socket.once('close', () => clearTimeout(timer))
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      isConnected = true
      clearTimeout(timer)
      connected()
    })
    return socket
  }
}
