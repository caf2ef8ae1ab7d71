import type { IncomingMessage } from 'node:http'
import { isGrpcCall, timeoutOf } from '../base/grpc/call.js'
import { DEADLINE_EXCEEDED, type Failure } from './failure.js'

/** So often at most it is looked who is late, which is how much later than they said some may be told. */
const RESOLUTION_MS = 10
/** Timers of Node go no further. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** A call that is to be answered by a time of its client's. */
export interface Call {
  readonly req: IncomingMessage
  /** When it came, on the clock of `performance.now()`. */
  readonly startMs: number
  /** Of its answer, or 0 while there is none. From then on it is for backend and client to end it. */
  readonly statusCode: number
  /** Ends it with a failure. */
  giveUp(failure: Failure): void
}

/**
 * The times that clients of gRPC give their calls (`grpc-timeout`): those whose time has run out before a response began
 * are given up, whatever they wait for. One timer serves all, and only while there are any.
 */
export class Deadlines {
  /** When each has to be answered. */
  readonly #calls = new Map<Call, number>()
  #timer: NodeJS.Timeout | undefined
  /** When the timer goes off. */
  #nextMs = Number.POSITIVE_INFINITY

  /** Looks after a request, if it is a call with a time, which counts from when it came. */
  add(call: Call): void {
    if (call.req.headers['grpc-timeout'] === undefined || !isGrpcCall(call.req)) return
    const timeoutMs = timeoutOf(call.req)
    if (timeoutMs === undefined) return
    const atMs = call.startMs + timeoutMs
    this.#calls.set(call, atMs)
    if (atMs < this.#nextMs) this.#wait(atMs, 0)
  }

  /** It is over. */
  remove(call: Call): void {
    if (this.#calls.size > 0) this.#calls.delete(call)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#calls.clear()
  }

  #wait(atMs: number, leastMs: number): void {
    const nowMs = performance.now()
    const delayMs = Math.min(Math.max(Math.ceil(atMs - nowMs), leastMs), MAX_TIMER_MS)
    clearTimeout(this.#timer)
    this.#nextMs = nowMs + delayMs
    // An answer that has come meanwhile is read first, in case that this process was held up.
    this.#timer = setTimeout(() => setImmediate(() => this.#sweep()), delayMs)
    this.#timer.unref()
  }

  #sweep(): void {
    this.#nextMs = Number.POSITIVE_INFINITY
    const nowMs = performance.now()
    let nextMs = Number.POSITIVE_INFINITY
    for (const [call, atMs] of this.#calls) {
      if (atMs > nowMs) {
        nextMs = Math.min(nextMs, atMs)
        continue
      }
      this.#calls.delete(call)
      if (call.statusCode === 0) call.giveUp(DEADLINE_EXCEEDED)
    }
    if (nextMs < this.#nextMs) this.#wait(nextMs, RESOLUTION_MS)
  }
}
