import type { CheckResult } from '../pool/backend.js'
import { Http2Connection } from '../transport/http2/connection.js'
import { http2Options } from '../transport/http2/options.js'
import type { SocketOptions } from '../transport/sockets/open-socket.js'
import { type HealthAnswer, HealthCall, healthCallRequest } from './grpc-call.js'
import type { HealthRequest } from './grpc-request.js'

/** Changes that come faster than this, or than a quarter of the period, are reported together. */
const MIN_INTERVAL_MS = 1000
const MIN_INTERVAL_SHARE = 1 / 4
/** A server without `Watch` may have it after its next release. */
const UNIMPLEMENTED_RETRY_MS = 3_600_000

export type WatchOptions = Pick<SocketOptions, 'bufferSizeBytes' | 'credentials' | 'resolver'> & {
  readonly maxHeadBytes: number
}

/** Is told what a watch sees. */
export interface WatchOwner {
  /** The backend sent a health status. */
  onStatus(result: CheckResult): void
  /** The call has ended after a status came over it. */
  onLost(): void
}

/**
 * `grpc.health.v1.Health/Watch` of one backend: a call that stays open, over which the backend reports each change of its
 * health at once. Checks over connections of their own go on beside it, as silence proves nothing. One that passes opens
 * the call, at most once a period.
 */
export class HealthWatch {
  /** Set by whoever listens. */
  owner: WatchOwner | undefined
  readonly #request: HealthRequest
  readonly #options: WatchOptions
  readonly #periodMs: number
  #connection: Http2Connection | undefined
  #reopenMs = Number.NEGATIVE_INFINITY
  #isStopped = false
  /** The latest status that was received. */
  #status: HealthAnswer | undefined
  #reportedMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  /** @param periodMs between two checks */
  constructor(request: HealthRequest, options: WatchOptions, periodMs: number) {
    this.#request = request
    this.#options = options
    this.#periodMs = periodMs
  }

  /** To be called when a check passes: opens the call, or checks that its connection is alive. */
  ensureOpen(nowMs: number): void {
    if (this.#isStopped) return
    if (this.#connection) this.#connection.checkKeepalive(nowMs)
    else if (nowMs >= this.#reopenMs) this.#open(nowMs)
  }

  /** Ends the call, as the backend has another address: the next check that passes opens it there. */
  reconnect(): void {
    this.#reopenMs = Number.NEGATIVE_INFINITY
    this.#connection?.fail(new Error('watched elsewhere'))
  }

  /** Ends it, for good. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#connection?.fail(new Error('watch stopped'))
  }

  #open(nowMs: number): void {
    const { origin, servername, timeoutMs, watchHead, service } = this.#request
    this.#reopenMs = nowMs + this.#periodMs
    const call = new HealthCall({
      onStatus: (answer) => this.#onStatus(answer),
      onEnd: ({ isUnimplemented }) => {
        if (isUnimplemented) this.#reopenMs = performance.now() + UNIMPLEMENTED_RETRY_MS
        connection.close()
      },
      onError: () => connection.close()
    })
    const named = servername === undefined ? {} : { servername }
    const options = http2Options(origin, { ...this.#options, ...named, connectTimeoutMs: timeoutMs })
    const connection: Http2Connection = new Http2Connection(options, {
      onReady: () => connection.send(healthCallRequest(watchHead, service), call),
      // A server that shuts down gracefully waits for its calls to end.
      onChange: () => {
        if (connection.isClosing) call.connection?.destroy()
      },
      onAllRefused: () => {},
      onStale: () => {},
      onClosed: () => this.#onClosed()
    })
    this.#connection = connection
  }

  #onClosed(): void {
    this.#connection = undefined
    const hadStatus = this.#status !== undefined
    this.#status = undefined
    clearTimeout(this.#timer)
    if (hadStatus && !this.#isStopped) this.owner?.onLost()
  }

  #onStatus(answer: HealthAnswer): void {
    this.#status = answer
    const nowMs = performance.now()
    const waitMs = this.#reportedMs + Math.min(MIN_INTERVAL_MS, this.#periodMs * MIN_INTERVAL_SHARE) - nowMs
    clearTimeout(this.#timer)
    if (waitMs <= 0) this.#report()
    else this.#timer = setTimeout(() => this.#report(), waitMs).unref()
  }

  #report(): void {
    const { ok, result } = this.#status!
    this.#reportedMs = performance.now()
    this.owner?.onStatus({ at: new Date(), ok, result: `${result}, told by Watch`, latencyMs: 0 })
  }
}
