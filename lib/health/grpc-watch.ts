import type { CheckResult } from '../pool/backend.js'
import { Connection } from '../transport/http2/connection.js'
import { http2Options } from '../transport/http2/options.js'
import type { SocketOptions } from '../transport/sockets/open-socket.js'
import { type HealthAnswer, HealthCall, healthCallRequest } from './grpc-call.js'
import type { HealthRequest } from './grpc-request.js'

/** What is told more often than this, or than a quarter of the period, is told together. */
const LEAST_MS = 1000
const LEAST_SHARE = 1 / 4
/** A server that has no `Watch` may have it after its next release. */
const UNOFFERED_MS = 3_600_000

export type WatchOptions = Pick<SocketOptions, 'bufferSizeBytes' | 'credentials' | 'resolver'> & {
  readonly maxHeadBytes: number
}

/** What is told of a watch. */
export interface WatchOwner {
  /** The backend says how it is: something else than it said last. */
  onStatus(result: CheckResult): void
  /** It says no more, though it could before. */
  onLost(): void
}

/**
 * `grpc.health.v1.Health/Watch` of one backend: a call that stays open, by which it tells at once how it is. It is opened
 * by checks that pass over a connection of their own, no sooner than a period after it was the last time; these go on
 * beside it, as silence says nothing.
 */
export class HealthWatch {
  /** Set by whoever wants to know. */
  owner: WatchOwner | undefined
  readonly #request: HealthRequest
  readonly #options: WatchOptions
  readonly #periodMs: number
  #connection: Connection | undefined
  #opensMs = Number.NEGATIVE_INFINITY
  #isStopped = false
  /** What was said last, and whether it was told. */
  #said: HealthAnswer | undefined
  #toldMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  /** @param periodMs between two checks */
  constructor(request: HealthRequest, options: WatchOptions, periodMs: number) {
    this.#request = request
    this.#options = options
    this.#periodMs = periodMs
  }

  /** The backend answers: has the call opened, or looks whether it still stands. */
  ensureOpen(nowMs: number): void {
    if (this.#isStopped) return
    if (this.#connection) this.#connection.checkLife(nowMs)
    else if (nowMs >= this.#opensMs) this.#open(nowMs)
  }

  /** The backend is at another address by now: the next check that passes opens the call there. */
  reconnect(): void {
    this.#opensMs = Number.NEGATIVE_INFINITY
    this.#connection?.fail(new Error('watched elsewhere'))
  }

  /** Ends it, for good. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#connection?.fail(new Error('watched no more'))
  }

  #open(nowMs: number): void {
    const { origin, servername, timeoutMs, watchHead, service } = this.#request
    this.#opensMs = nowMs + this.#periodMs
    const call = new HealthCall({
      onStatus: (answer) => this.#onStatus(answer),
      onEnd: ({ isUnimplemented }) => {
        if (isUnimplemented) this.#opensMs = performance.now() + UNOFFERED_MS
        connection.close()
      },
      onError: () => connection.close()
    })
    const named = servername === undefined ? {} : { servername }
    const options = http2Options(origin, { ...this.#options, ...named, connectTimeoutMs: timeoutMs })
    const connection: Connection = new Connection(options, {
      onReady: () => connection.send(healthCallRequest(watchHead, service), call),
      // A server that shuts down in good order waits for its calls to end.
      onChange: () => {
        if (connection.isClosing) call.connection?.destroy()
      },
      onUseless: () => {},
      onStale: () => {},
      onGone: () => this.#onGone()
    })
    this.#connection = connection
  }

  #onGone(): void {
    this.#connection = undefined
    const hasSaid = this.#said !== undefined
    this.#said = undefined
    clearTimeout(this.#timer)
    if (hasSaid && !this.#isStopped) this.owner?.onLost()
  }

  #onStatus(answer: HealthAnswer): void {
    this.#said = answer
    const nowMs = performance.now()
    const waitMs = this.#toldMs + Math.min(LEAST_MS, this.#periodMs * LEAST_SHARE) - nowMs
    clearTimeout(this.#timer)
    if (waitMs <= 0) this.#report()
    else this.#timer = setTimeout(() => this.#report(), waitMs).unref()
  }

  #report(): void {
    const { ok, result } = this.#said!
    this.#toldMs = performance.now()
    this.owner?.onStatus({ at: new Date(), ok, result: `${result}, told by Watch`, latencyMs: 0 })
  }
}
