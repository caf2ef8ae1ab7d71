import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream
} from 'node:http2'
import type { Socket } from 'node:net'

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR } = constants
const SWEEP_MS = 1000
/** What a client that is about to be left is told first, so that its streams under way are taken (RFC 9113 section 6.8). */
const LAST_STREAM_ID = 2 ** 31 - 1
/** For the streams that are under way when it is told. */
const NOTICE_MS = 250
/** Names and values of a request are bounded elsewhere, and answered there: here is the end of patience. */
const PATIENCE = 2
const PSEUDO_FIELDS = 5
/** What each field counts beside its name and value (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD_BYTES = 32
/** Of all that Node keeps for one session. */
const SESSION_MEMORY_MB = 32
/** Streams that a client may reset, at once and a second, before it is taken for an attacker (CVE-2023-44487). */
const RESET_BURST = 1000
const RESETS_PER_S = 33

export interface Http2Options {
  /** Open at once in a session. */
  readonly maxStreams: number
  readonly maxFields: number
  readonly maxHeadBytes: number
  /** Of a body that nobody reads yet, for each stream. */
  readonly windowBytes: number
  /** From the beginning of a session to its first request. */
  readonly headTimeoutMs: number
  /** Without a stream. */
  readonly keepAliveTimeoutMs: number
  /** 0 for no limit. */
  readonly requestsPerSession: number
  /** Why a session failed. */
  readonly onError: (error: Error) => void
}

/**
 * Serves a request.
 * @param list its fields, names and values in turn
 * @param isWhole whether there is nothing behind them
 */
export type ServeStream = (
  stream: ServerHttp2Stream,
  socket: Socket,
  list: readonly string[],
  isWhole: boolean
) => void

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
    const { maxStreams, maxFields, maxHeadBytes, windowBytes } = options
    this.#options = options
    const limits = { streamResetBurst: RESET_BURST, streamResetRate: RESETS_PER_S }
    this.#server = createServer({
      ...limits,
      maxSessionMemory: SESSION_MEMORY_MB,
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
    for (const session of this.#sessions) session.leave()
  }

  #onSession(session: ServerHttp2Session): void {
    const known = new ClientSession(session, this.#socket!, this.#options, (...asked) =>
      this.serve!(...asked)
    )
    this.#sessions.add(known)
    session.once('close', () => {
      this.#sessions.delete(known)
      if (this.#sessions.size > 0) return
      clearInterval(this.#sweeper)
      this.#sweeper = undefined
    })
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
    if (this.#isDraining) known.leave()
  }

  #sweep(): void {
    const nowMs = performance.now()
    for (const session of this.#sessions) session.sweep(nowMs)
  }
}

/** One client that speaks HTTP/2. */
class ClientSession {
  readonly #session: ServerHttp2Session
  readonly #options: Http2Options
  #idleSinceMs = performance.now()
  #streams = 0
  #served = 0

  constructor(session: ServerHttp2Session, socket: Socket, options: Http2Options, serve: ServeStream) {
    this.#session = session
    this.#options = options
    session.on('stream', (stream: ServerHttp2Stream, _headers, flags: number, list?: string[]) => {
      this.#count(stream)
      serve(stream, socket, list!, (flags & NGHTTP2_FLAG_END_STREAM) !== 0)
    })
  }

  #count(stream: ServerHttp2Stream): void {
    const { requestsPerSession } = this.#options
    this.#streams++
    this.#served++
    // That a client leaves in whatever way shows in the close.
    stream.on('error', () => {})
    stream.once('close', () => {
      this.#streams--
      if (this.#streams === 0) this.#idleSinceMs = performance.now()
    })
    if (this.#served === requestsPerSession) this.leave()
  }

  /** Closes a session that has asked nothing for too long, whatever else it has sent. */
  sweep(nowMs: number): void {
    const { headTimeoutMs, keepAliveTimeoutMs } = this.#options
    const limitMs = this.#served === 0 ? headTimeoutMs : keepAliveTimeoutMs
    if (this.#streams > 0 || nowMs - this.#idleSinceMs < limitMs) return
    if (this.#session.closed) this.#session.destroy()
    else this.#session.close()
  }

  /** Takes what the client has already sent, and nothing after that. */
  leave(): void {
    const session = this.#session
    if (session.closed || session.destroyed) return
    if (this.#streams === 0) {
      session.close()
      return
    }
    session.goaway(NGHTTP2_NO_ERROR, LAST_STREAM_ID)
    setTimeout(() => {
      if (!session.destroyed) session.close()
    }, NOTICE_MS).unref()
  }
}
