import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Http2Options, ServeStream } from './options.js'
import { ResetBudget } from './reset-budget.js'
import { hasEnded } from './session-internals.js'
import { StalledStreams } from './stalled-streams.js'

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM } = constants
const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants
/** What a client that is about to be left is told first, so that its streams under way are taken (RFC 9113 section 6.8). */
const LAST_STREAM_ID = 2 ** 31 - 1
/** For the streams that are under way when it is told. */
const NOTICE_MS = 250
/** For what is on its way over a session without a stream before it is closed. */
const IDLE_MS = 100
/** For a client to close its side, once it has all. */
const LINGERING_TIMEOUT_MS = 2000
/** Streams that a client may reset, at once and a second, before it is taken for an attacker (CVE-2023-44487). */
export const RESET_BURST = 1000
export const RESETS_PER_S = 33
/** A stream that ends so was not reset for what its client did, or Node has counted it. */
const FAULTLESS = new Set([NGHTTP2_NO_ERROR, NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR])

/** One client that speaks HTTP/2. */
export class ClientSession {
  readonly #session: ServerHttp2Session
  readonly #socket: Socket
  readonly #options: Http2Options
  readonly #streams = new Set<ServerHttp2Stream>()
  readonly #stalled: StalledStreams
  readonly #resets: ResetBudget
  #idleSinceMs = performance.now()
  #served = 0
  /** Since when its session has been over, while its socket is not. */
  #goneMs = -1

  constructor(session: ServerHttp2Session, socket: Socket, options: Http2Options, serve: ServeStream) {
    this.#session = session
    this.#socket = socket
    this.#options = options
    this.#stalled = new StalledStreams(options.sendTimeoutMs, this.#idleSinceMs)
    this.#resets = new ResetBudget(RESET_BURST, RESETS_PER_S, this.#idleSinceMs)
    session.on('stream', (stream: ServerHttp2Stream, _headers, flags: number, list?: string[]) => {
      // That a client leaves in whatever way shows in the close.
      stream.on('error', () => {})
      if (stream.destroyed) return
      this.#count(stream)
      serve(stream, socket, list!, (flags & NGHTTP2_FLAG_END_STREAM) !== 0)
    })
  }

  #count(stream: ServerHttp2Stream): void {
    this.#streams.add(stream)
    this.#served++
    stream.once('close', () => {
      this.#streams.delete(stream)
      if (this.#streams.size === 0) this.#idleSinceMs = performance.now()
      if (!FAULTLESS.has(stream.rstCode ?? NGHTTP2_NO_ERROR)) this.#onForcedReset()
    })
    if (this.#served === this.#options.requestsPerSession) this.drain()
  }

  #onForcedReset(): void {
    if (this.#resets.spend(performance.now())) return
    // Node 20 does not bear that while it reads.
    setImmediate(() => this.#session.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM))
  }

  /** Looks after what a client does not do in time. */
  sweep(nowMs: number): void {
    const session = this.#session
    const { headTimeoutMs, keepAliveTimeoutMs, sendTimeoutMs } = this.#options
    if (session.destroyed || hasEnded(session)) {
      this.#destroyEnded(nowMs)
      return
    }
    if (this.#streams.size > 0) {
      if (sendTimeoutMs > 0) this.#stalled.sweep(this.#streams, this.#socket.bytesWritten, nowMs)
      return
    }
    // It has asked nothing for too long, whatever else it has sent.
    const limitMs = this.#served === 0 ? headTimeoutMs : keepAliveTimeoutMs
    if (nowMs - this.#idleSinceMs < limitMs) return
    if (session.closed) session.destroy()
    else session.close()
  }

  /** Node waits for ever for a client that does not close its side, or that does not take the last of what was sent. */
  #destroyEnded(nowMs: number): void {
    this.#session.destroy()
    if (this.#goneMs < 0) this.#goneMs = nowMs
    const limitMs = this.#socket.writableFinished ? LINGERING_TIMEOUT_MS : this.#options.headTimeoutMs
    if (nowMs - this.#goneMs >= limitMs) this.#socket.destroy()
  }

  /** Closes it if it has nothing under way, with its connection. */
  closeIdle(): void {
    if (this.#streams.size > 0) return
    this.#session.destroy()
    this.#socket.destroy()
  }

  /** Takes what the client has already sent, and nothing after that. */
  drain(): void {
    if (this.#streams.size > 0) this.#sendGoaway()
    // nghttp2 reads no more once it has told that of a session without a stream. What has come is read first.
    else setTimeout(() => setImmediate(() => this.#drainIdle()), IDLE_MS).unref()
  }

  #drainIdle(): void {
    if (this.#streams.size > 0) this.#sendGoaway()
    else this.#close()
  }

  #sendGoaway(): void {
    if (this.#session.closed || this.#session.destroyed) return
    this.#session.goaway(NGHTTP2_NO_ERROR, LAST_STREAM_ID)
    setTimeout(() => setImmediate(() => this.#close()), NOTICE_MS).unref()
  }

  #close(): void {
    if (!this.#session.closed && !this.#session.destroyed) this.#session.close()
  }
}
