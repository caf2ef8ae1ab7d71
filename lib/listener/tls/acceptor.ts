import type { Socket } from 'node:net'
import { createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls'
import { inheritConnectionInfo } from '../client/connection-info.js'
import type { ServerCredentials } from './credentials.js'

/** How TLS of clients is accepted. */
export interface AcceptorOptions {
  /** Whether clients must present a certificate. */
  readonly wantsCertificate: boolean
  /** For the handshake. */
  readonly timeoutMs: number
  readonly bufferSizeBytes: number
  /** Protocols for ALPN, in the order of preference. */
  readonly protocols: readonly string[]
  /** Called when a handshake that had begun fails. */
  readonly onFailed: () => void
  /** Called with its error, if there is one. */
  readonly onError: (error: Error) => void
}

/** Internals of Node's streams: `net.Server` sets the buffer size of its connections, but not that of TLS over them. */
interface Buffered {
  readonly _readableState: { highWaterMark: number }
  readonly _writableState: { highWaterMark: number }
}

const SESSION_ID_CONTEXT = 'fairlead'

/**
 * Accepts TLS on connections that were accepted elsewhere: a server that never listens. So a PROXY protocol header can be
 * read before the handshake.
 */
export class TlsAcceptor {
  readonly #server: Server
  readonly #options: AcceptorOptions
  readonly #pending = new Map<Socket, (socket: TLSSocket) => void>()
  #credentials: ServerCredentials

  constructor(credentials: ServerCredentials, options: AcceptorOptions) {
    this.#credentials = credentials
    this.#options = options
    this.#server = createServer({
      ...credentials.options,
      requestCert: options.wantsCertificate,
      rejectUnauthorized: options.wantsCertificate,
      ALPNProtocols: [...options.protocols],
      SNICallback: (name: string, done: (error: null, context?: SecureContext) => void) =>
        done(null, this.#credentials.contextFor(name)),
      handshakeTimeout: options.timeoutMs,
      // That of Node would be another in each thread.
      sessionIdContext: SESSION_ID_CONTEXT
    })
    this.#server.on('secureConnection', (socket: TLSSocket) => this.#onSecure(socket))
    this.#server.on('tlsClientError', (error, socket) => {
      options.onError(error)
      socket.destroy()
    })
  }

  get credentials(): ServerCredentials {
    return this.#credentials
  }

  /** Replaces the credentials for handshakes that begin from now on. */
  setCredentials(credentials: ServerCredentials): void {
    this.#credentials = credentials
    this.#server.setSecureContext(credentials.options)
  }

  /** Performs the handshake on a connection, and calls `serve` with the TLS socket. Closes the connection on a timeout. */
  accept(raw: Socket, serve: (socket: TLSSocket) => void): void {
    const timer = setTimeout(() => raw.destroy(), this.#options.timeoutMs)
    const leave = () => {
      clearTimeout(timer)
      this.#pending.delete(raw)
    }
    const fail = () => {
      leave()
      // Without a byte it was a port scan, or a TCP health check.
      if (raw.bytesRead > 0) this.#options.onFailed()
    }
    raw.once('close', fail)
    this.#pending.set(raw, (socket) => {
      raw.off('close', fail)
      leave()
      serve(socket)
    })
    this.#server.emit('connection', raw)
  }

  /** Closes the connections whose handshake is under way. */
  destroyPending(): void {
    for (const raw of this.#pending.keys()) raw.destroy()
  }

  #onSecure(socket: TLSSocket): void {
    const raw = (socket as TLSSocket & { _parent: Socket })._parent
    const serve = this.#pending.get(raw)
    if (!serve) {
      socket.destroy()
      return
    }
    inheritConnectionInfo(socket, raw)
    const { _readableState, _writableState } = socket as unknown as Buffered
    _readableState.highWaterMark = _writableState.highWaterMark = this.#options.bufferSizeBytes
    serve(socket)
  }
}
