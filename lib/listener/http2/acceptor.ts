import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Http2Options, ServeStream } from './options.js'
import { ClientSession, RESET_BURST, RESETS_PER_S } from './session.js'

const SWEEP_MS = 1000
/** Heads over the limit are answered `431` elsewhere; over this multiple of it, nghttp2 resets the stream. */
const LIMIT_FACTOR = 2
const PSEUDO_FIELDS = 5
/** Overhead of each field in the size of a header list (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD_BYTES = 32
/** Memory of one session, in Node's accounting. */
const SESSION_MEMORY_MB = 32
/** The space that nghttp2 reserves for a head, as a multiple of its text, at worst. */
const HEAD_ROOM = 4
/** Space for the fields that the balancer adds. */
const OWN_FIELDS_BYTES = 16_384

/** Serves HTTP/2 on connections that were accepted elsewhere: a server that never listens. */
export class Http2Acceptor {
  /** Handles the requests. */
  serve: ServeStream | undefined
  readonly #options: Http2Options
  readonly #server: Http2Server
  readonly #sessions = new Set<ClientSession>()
  #socket: Socket | undefined
  #sweeper: NodeJS.Timeout | undefined
  #isDraining = false

  constructor(options: Http2Options) {
    const { maxStreams, maxFields, maxHeadBytes, maxResponseHeadBytes, windowBytes } = options
    this.#options = options
    const limits = { streamResetBurst: RESET_BURST, streamResetRate: RESETS_PER_S }
    this.#server = createServer({
      ...limits,
      maxSessionMemory: SESSION_MEMORY_MB,
      maxSendHeaderBlockLength: HEAD_ROOM * maxResponseHeadBytes + OWN_FIELDS_BYTES,
      maxHeaderListPairs: LIMIT_FACTOR * maxFields + PSEUDO_FIELDS,
      settings: {
        maxConcurrentStreams: maxStreams,
        initialWindowSize: windowBytes,
        maxHeaderListSize: LIMIT_FACTOR * (maxHeadBytes + FIELD_OVERHEAD_BYTES * maxFields),
        enableConnectProtocol: true
      }
    })
    this.#server.on('session', (session) => this.#onSession(session))
    this.#server.on('sessionError', options.onError)
  }

  /** Starts a session on a connection. */
  accept(socket: Socket): void {
    this.#socket = socket
    // Unlike in HTTP/1.1, the end of the client's side ends the session.
    socket.allowHalfOpen = false
    this.#server.emit('connection', socket)
    this.#socket = undefined
  }

  /** Drains all sessions, and those still to come (RFC 9113 section 6.8). */
  drain(): void {
    this.#isDraining = true
    for (const session of this.#sessions) session.drain()
  }

  /** Closes the sessions without streams. */
  closeIdle(): void {
    for (const session of this.#sessions) session.closeIdle()
  }

  #onSession(session: ServerHttp2Session): void {
    const socket = this.#socket!
    const client = new ClientSession(session, socket, this.#options, (...args) => this.serve!(...args))
    this.#sessions.add(client)
    socket.once('close', () => {
      this.#sessions.delete(client)
      if (this.#sessions.size > 0) return
      clearInterval(this.#sweeper)
      this.#sweeper = undefined
    })
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
    if (this.#isDraining) client.drain()
  }

  #sweep(): void {
    const nowMs = performance.now()
    for (const session of this.#sessions) session.sweep(nowMs)
  }
}
