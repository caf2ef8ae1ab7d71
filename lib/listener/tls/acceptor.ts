import type { Socket } from 'node:net'
import { createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls'
import { inheritConnectionInfo } from '../client/connection-info.js'
import type { ServerCredentials } from './credentials.js'

export interface AcceptorOptions {
  /** Whether clients have to show a certificate. */
  readonly wantsCertificate: boolean
  /** For a handshake to end. */
  readonly timeoutMs: number
  readonly bufferSizeBytes: number
  /** What may be spoken over it, the best first. */
  readonly protocols: readonly string[]
  /** A handshake that had begun did not end well. */
  readonly onFailed: () => void
  /** Why not, where that is known. */
  readonly onError: (error: Error) => void
}

/** As its buffers are made by Node: it takes their size for a connection that it accepts, but not for TLS over that. */
interface Buffered {
  readonly _readableState: { highWaterMark: number }
  readonly _writableState: { highWaterMark: number }
}

/**
 * Speaks TLS on connections that were accepted elsewhere: a server that never listens. What has to come first on a
 * connection can so be read before it, and what is spoken over it is for others to know.
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
      handshakeTimeout: options.timeoutMs
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

  /** For handshakes that begin from now on. */
  setCredentials(credentials: ServerCredentials): void {
    this.#credentials = credentials
    this.#server.setSecureContext(credentials.options)
  }

  /** Shakes hands on a connection, and gives what comes of it to `serve`; or closes it, if nothing does in time. */
  accept(raw: Socket, serve: (socket: TLSSocket) => void): void {
    const timer = setTimeout(() => raw.destroy(), this.#options.timeoutMs)
    const leave = () => {
      clearTimeout(timer)
      this.#pending.delete(raw)
    }
    const fail = () => {
      leave()
      // Some only look whether the port is open.
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

  /** Closes the connections on which hands are being shaken. */
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
