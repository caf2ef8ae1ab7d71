import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Http2Options, ServeStream } from './options.js'
import { ClientSession, RESET_BURST, RESETS_PER_S } from './session.js'

const SWEEP_MS = 1000
/** Names and values of a request are bounded elsewhere, and answered there: here is the end of patience. */
const PATIENCE = 2
const PSEUDO_FIELDS = 5
/** What each field counts beside its name and value (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD_BYTES = 32
/** Of all that Node keeps for one session. */
const SESSION_MEMORY_MB = 32
/** What nghttp2 wants of room for a head, as a multiple of its text, were it all fields of a letter. */
const HEAD_ROOM = 4
/** For what the balancer adds to a head. */
const OWN_FIELDS_BYTES = 16_384

/** Speaks HTTP/2 on connections that were accepted elsewhere: a server that never listens. */
export class Http2Acceptor {
  /** Who answers the requests. */
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
      maxHeaderListPairs: PATIENCE * maxFields + PSEUDO_FIELDS,
      settings: {
        maxConcurrentStreams: maxStreams,
        initialWindowSize: windowBytes,
        maxHeaderListSize: PATIENCE * (maxHeadBytes + FIELD_OVERHEAD_BYTES * maxFields),
        enableConnectProtocol: true
      }
    })
    this.#server.on('session', (session) => this.#onSession(session))
    this.#server.on('sessionError', options.onError)
  }

  /** Speaks HTTP/2 on a connection. */
  accept(socket: Socket): void {
    this.#socket = socket
    // That a client has said all is the end of its session, other than in HTTP/1.1.
    socket.allowHalfOpen = false
    this.#server.emit('connection', socket)
    this.#socket = undefined
  }

  /** Has clients go elsewhere with what they ask from now on, and closes what has been answered. */
  drain(): void {
    this.#isDraining = true
    for (const session of this.#sessions) session.drain()
  }

  /** Closes the sessions that have nothing under way. */
  closeIdle(): void {
    for (const session of this.#sessions) session.closeIdle()
  }

  #onSession(session: ServerHttp2Session): void {
    const socket = this.#socket!
    const known = new ClientSession(session, socket, this.#options, (...asked) => this.serve!(...asked))
    this.#sessions.add(known)
    socket.once('close', () => {
      this.#sessions.delete(known)
      if (this.#sessions.size > 0) return
      clearInterval(this.#sweeper)
      this.#sweeper = undefined
    })
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
    if (this.#isDraining) known.drain()
  }

  #sweep(): void {
    const nowMs = performance.now()
    for (const session of this.#sessions) session.sweep(nowMs)
  }
}
