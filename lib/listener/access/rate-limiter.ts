import type { RateLimitConfig } from './options.js'

/** Clients that are remembered, about 100 bytes each. */
const MAX_CLIENTS = 131_072
/** What rounding may add to the times: part of that for one request, and so much at the most. */
const SLACK = 0.01
const MAX_SLACK_MS = 1

/**
 * A token bucket for each client. Of each only the time is kept at which its bucket will be full, as that says how full
 * it is now; a client whose bucket is full need not be remembered.
 *
 * There are two tables. The old one is dropped, and the young one takes its place, when as much time has passed as an
 * empty bucket takes to fill, or when the young one is full. So old entries go without being looked for, memory is
 * bounded, and in a flood of addresses those that keep sending are the last to be forgotten.
 */
export class RateLimiter {
  readonly #maxClients: number
  /** Time for one request more. */
  readonly #costMs: number
  /** How long before its bucket is full a client may still send. */
  readonly #aheadMs: number
  /** Time that an empty bucket takes to fill. */
  readonly #fillMs: number
  #young = new Map<string, number>()
  #old = new Map<string, number>()
  #youngSinceMs = Number.NEGATIVE_INFINITY

  constructor({ count, windowS, burst }: RateLimitConfig, maxClients = MAX_CLIENTS) {
    this.#maxClients = maxClients
    this.#costMs = (windowS * 1000) / count
    this.#aheadMs = (burst - 1) * this.#costMs + Math.min(SLACK * this.#costMs, MAX_SLACK_MS)
    this.#fillMs = burst * this.#costMs
  }

  /** Clients that are remembered. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** Takes a request of a client. Returns 0, or the milliseconds until it may send one, if it has sent too many. */
  take(client: string, nowMs: number): number {
    if (2 * this.#young.size >= this.#maxClients || nowMs - this.#youngSinceMs >= this.#fillMs)
      this.#rotate(nowMs)
    const fullMs = Math.max(this.#young.get(client) ?? this.#old.get(client) ?? 0, nowMs)
    const waitMs = fullMs - nowMs - this.#aheadMs
    // One that is refused is noted as well, so as not to be forgotten for it.
    this.#young.set(client, waitMs > 0 ? fullMs : fullMs + this.#costMs)
    return Math.max(waitMs, 0)
  }

  #rotate(nowMs: number): void {
    this.#old = this.#young
    this.#young = new Map()
    this.#youngSinceMs = nowMs
  }
}
