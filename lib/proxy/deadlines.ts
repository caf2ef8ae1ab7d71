import type { IncomingMessage } from 'node:http'
import { isGrpcCall, timeoutOf } from '../base/grpc/call.js'
import { plainHeadOf } from '../base/http/plain-head.js'
import { DEADLINE_EXCEEDED, type Failure } from './failure.js'

/** Shortest time between two sweeps, and so the most by which a deadline may be missed. */
const RESOLUTION_MS = 10
/** The longest timer of Node. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** A call with a deadline that its client has set. */
export interface Call {
  readonly req: IncomingMessage
  /** When it came, on the clock of `performance.now()`. */
  readonly startMs: number
  /** Status of its response, or 0 while there is none. From then on backend and client end it. */
  readonly statusCode: number
  /** Ends it with a failure. */
  giveUp(failure: Failure): void
}

/**
 * The deadlines that clients of gRPC set for their calls (`grpc-timeout`). A call whose deadline passes before a response
 * begins is given up, whatever it waits for. One timer serves all, and runs only while there are any.
 */
export class Deadlines {
  /** The deadline of each, on the clock of `performance.now()`. */
  readonly #calls = new Map<Call, number>()
  #timer: NodeJS.Timeout | undefined
  /** When the timer fires. */
  #nextMs = Number.POSITIVE_INFINITY

  /** Watches a request if it is a call with a deadline, which counts from its arrival. */
  add(call: Call): void {
    if (plainHeadOf(call.req) || call.req.headers['grpc-timeout'] === undefined || !isGrpcCall(call.req))
      return
    const timeoutMs = timeoutOf(call.req)
    if (timeoutMs === undefined) return
    const atMs = call.startMs + timeoutMs
    this.#calls.set(call, atMs)
    if (atMs < this.#nextMs) this.#wait(atMs, 0)
  }

  /** Forgets a request. */
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
    // A response that has arrived is read first, in case this process was blocked.
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
