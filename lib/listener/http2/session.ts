import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Http2Options, ServeStream } from './options.js'
import { ResetBudget } from './reset-budget.js'
import { hasEnded } from './session-internals.js'
import { StalledStreams } from './stalled-streams.js'

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM } = constants
const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants
/** In the first GOAWAY, so that streams that are on their way are still accepted (RFC 9113 section 6.8). */
const LAST_STREAM_ID = 2 ** 31 - 1
/** Between the first GOAWAY and the final one. */
const GOAWAY_GRACE_MS = 250
/** Time for requests that are on their way before an idle session is closed. */
const IDLE_MS = 100
/** For a client to close its side, once it has received everything. */
const LINGERING_TIMEOUT_MS = 2000
/** Streams that a client may reset, at once and per second (CVE-2023-44487, "Rapid Reset"). */
export const RESET_BURST = 1000
export const RESETS_PER_S = 33
/** Resets that the client did not provoke, or that Node counts itself. */
const NOT_COUNTED = new Set([NGHTTP2_NO_ERROR, NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR])

/** An HTTP/2 session of a client. */
export class ClientSession {
  readonly #session: ServerHttp2Session
  readonly #socket: Socket
  readonly #options: Http2Options
  readonly #streams = new Set<ServerHttp2Stream>()
  readonly #stalled: StalledStreams
  readonly #resets: ResetBudget
  #idleSinceMs = performance.now()
  #served = 0
  /** When the session ended while its socket stayed open, or -1. */
  #endedMs = -1

  constructor(session: ServerHttp2Session, socket: Socket, options: Http2Options, serve: ServeStream) {
    this.#session = session
    this.#socket = socket
    this.#options = options
    this.#stalled = new StalledStreams(options.sendTimeoutMs, this.#idleSinceMs)
    this.#resets = new ResetBudget(RESET_BURST, RESETS_PER_S, this.#idleSinceMs)
    session.on('stream', (stream: ServerHttp2Stream, _headers, flags: number, list?: string[]) => {
      // However the stream fails, 'close' follows.
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
      if (!NOT_COUNTED.has(stream.rstCode ?? NGHTTP2_NO_ERROR)) this.#onForcedReset()
    })
    if (this.#served === this.#options.requestsPerSession) this.drain()
  }

  #onForcedReset(): void {
    if (this.#resets.spend(performance.now())) return
    // Node 20 crashes if that is done within a read.
    setImmediate(() => this.#session.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM))
  }

  /** Enforces the timeouts. To be called once a second. */
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
    // It has had no stream for too long, whatever other frames it has sent.
    const limitMs = this.#served === 0 ? headTimeoutMs : keepAliveTimeoutMs
    if (nowMs - this.#idleSinceMs < limitMs) return
    if (session.closed) session.destroy()
    else session.close()
  }

  /** Node waits for ever for a client that does not close its side, or does not read the last bytes. */
  #destroyEnded(nowMs: number): void {
    this.#session.destroy()
    if (this.#endedMs < 0) this.#endedMs = nowMs
    const limitMs = this.#socket.writableFinished ? LINGERING_TIMEOUT_MS : this.#options.headTimeoutMs
    if (nowMs - this.#endedMs >= limitMs) this.#socket.destroy()
  }

  /** Closes the session and its connection, unless there are streams. */
  closeIdle(): void {
    if (this.#streams.size > 0) return
    this.#session.destroy()
    this.#socket.destroy()
  }

  /** Shuts down gracefully: accepts the streams that the client has sent already (RFC 9113 section 6.8). */
  drain(): void {
    if (this.#streams.size > 0) this.#sendGoaway()
    // nghttp2 stops reading after a GOAWAY on a session without streams: what has arrived is read first.
    else setTimeout(() => setImmediate(() => this.#drainIdle()), IDLE_MS).unref()
  }

  #drainIdle(): void {
    if (this.#streams.size > 0) this.#sendGoaway()
    else this.#close()
  }

  #sendGoaway(): void {
    if (this.#session.closed || this.#session.destroyed) return
    this.#session.goaway(NGHTTP2_NO_ERROR, LAST_STREAM_ID)
    setTimeout(() => setImmediate(() => this.#close()), GOAWAY_GRACE_MS).unref()
  }

  #close(): void {
    if (!this.#session.closed && !this.#session.destroyed) this.#session.close()
  }
}
