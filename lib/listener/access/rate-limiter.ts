import type { RateLimitConfig } from './options.js'

/** Upper bound of clients in memory, about 100 bytes each. */
const MAX_CLIENTS = 131_072
/** Tolerance for rounding errors: a share of the time for one request, and its upper bound. */
const SLACK = 0.01
const MAX_SLACK_MS = 1

/** Limits how often each client sends requests. */
export interface ClientLimiter {
  /**
   * Takes a token for a request of a client. Returns 0 or, if there is none, the milliseconds until there will be.
   * @param client its key
   * @param nowMs of a monotonic clock
   */
  take(client: string, nowMs: number): number
}

/** Rate limits that are more than one thread's. */
export interface RateLimits {
  /** Creates the limiters of what has this name: with the same limit, clients have what they had left of it. */
  of(name: string): (limit: RateLimitConfig) => ClientLimiter
}

/**
 * A token bucket for each client, stored as the time at which it will be full (as in GCRA), from which its tokens follow.
 * A client whose bucket is full need not be stored.
 *
 * There are two tables. When an empty bucket would have filled, or the young table is full, the old one is dropped, and
 * the young one becomes the old one. So expired entries need no search, memory is bounded, and in a flood of addresses
 * the clients that keep sending are forgotten last.
 */
export class RateLimiter implements ClientLimiter {
  readonly #maxClients: number
  /** Time in which one token is added. */
  readonly #costMs: number
  /** How far in the future the time of the full bucket may be for a request to be allowed. */
  readonly #aheadMs: number
  /** Time in which an empty bucket fills. */
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

  /** Clients in memory. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  take(client: string, nowMs: number): number {
    if (2 * this.#young.size >= this.#maxClients || nowMs - this.#youngSinceMs >= this.#fillMs)
      this.#rotate(nowMs)
    const fullMs = Math.max(this.#young.get(client) ?? this.#old.get(client) ?? 0, nowMs)
    const waitMs = fullMs - nowMs - this.#aheadMs
    // A rejected client is stored as well: it must not be forgotten while it keeps sending.
    this.#young.set(client, waitMs > 0 ? fullMs : fullMs + this.#costMs)
    return Math.max(waitMs, 0)
  }

  #rotate(nowMs: number): void {
    this.#old = this.#young
    this.#young = new Map()
    this.#youngSinceMs = nowMs
  }
}
