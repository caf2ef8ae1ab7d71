import type { RateLimitConfig } from '../listener/access/options.js'
import type { ClientLimiter, RateLimits } from '../listener/access/rate-limiter.js'
import { Bucket, type Counts, type Limit, limitOf } from './bucket.js'
import type { Membership } from './membership.js'
import type { Store } from './store.js'

/** How often the store is told of a client at the most. */
const PERIOD_MS = 25
/** Clients of which it is told at once. */
const BATCH = 200
/** Upper bound of clients in memory. */
const MAX_CLIENTS = 65_536
/** After so long a store that did not answer is told again. */
const RETRY_MS = 250
/** The least that a bucket is left with, as a share of its size: what passed too much is made up for, but not for ever. */
const LEAST_SHARE = -0.1

interface Told {
  readonly key: string
  readonly bucket: Bucket
  readonly counts: Counts
}

/**
 * Rate limits of clients over several balancers. Each decides at once, by the part of a bucket that is its own, and tells the
 * store every few milliseconds what has passed. Without the store its part stays what it was.
 */
export class FleetRateLimits implements RateLimits {
  readonly #store: Store
  readonly #membership: Membership
  #young = new Map<string, Bucket>()
  #old = new Map<string, Bucket>()
  #youngSinceMs = 0
  #longestFillMs = 0
  #waiting = new Map<string, Bucket>()
  #isBusy = false
  #timer: NodeJS.Timeout | undefined
  /** Whether the timer is for the next turn. */
  #isSoon = false
  #isClosed = false

  constructor(store: Store, membership: Membership) {
    this.#store = store
    this.#membership = membership
  }

  of(name: string): (config: RateLimitConfig) => ClientLimiter {
    return (config) => {
      const limit = limitOf(config)
      const { count, windowS, burst } = config
      const prefix = `fairlead:limit:${name}:${count}/${windowS};${burst}:`
      this.#longestFillMs = Math.max(this.#longestFillMs, limit.size / limit.rate)
      return { take: (client, nowMs) => this.#take(`${prefix}${client}`, limit, nowMs) }
    }
  }

  /** Clients of which the store is still to be told. */
  get waiting(): number {
    return this.#waiting.size
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #take(key: string, limit: Limit, nowMs: number): number {
    if (2 * this.#young.size >= MAX_CLIENTS || nowMs - this.#youngSinceMs >= this.#longestFillMs)
      this.#rotate(nowMs)
    const { count } = this.#membership
    let bucket = this.#young.get(key)
    if (!bucket) {
      bucket = this.#old.get(key) ?? new Bucket(limit, count, nowMs)
      this.#young.set(key, bucket)
    }
    const isUrgent = bucket.isUnknown(nowMs)
    const waitMs = bucket.take(nowMs, count, !this.#store.status.isConnected)
    this.#wait(key, bucket)
    this.#schedule(isUrgent ? 0 : PERIOD_MS)
    return waitMs
  }

  /** The store is to be told of a client. If there are too many, of each when it comes again. */
  #wait(key: string, bucket: Bucket): void {
    if (this.#waiting.size >= MAX_CLIENTS) this.#waiting.clear()
    this.#waiting.set(key, bucket)
  }

  #rotate(nowMs: number): void {
    this.#old = this.#young
    this.#young = new Map()
    this.#youngSinceMs = nowMs
  }

  #schedule(delayMs: number): void {
    if (this.#isBusy || this.#isClosed) return
    if (this.#timer && (delayMs > 0 || this.#isSoon)) return
    clearTimeout(this.#timer)
    this.#isSoon = delayMs === 0
    this.#timer = setTimeout(() => void this.#tell(), delayMs).unref()
  }

  async #tell(): Promise<void> {
    this.#timer = undefined
    this.#isBusy = true
    let hasFailed = false
    const batch: Told[] = []
    for (const [key, bucket] of this.#waiting) {
      if (batch.length === BATCH) break
      this.#waiting.delete(key)
      if (bucket.isNews) batch.push({ key, bucket, counts: bucket.counts })
    }
    try {
      if (batch.length > 0) await this.#tellOf(batch)
    } catch {
      // The store says so itself. It is told when it is there again.
      hasFailed = true
      for (const { key, bucket } of batch) this.#wait(key, bucket)
    }
    this.#isBusy = false
    if (this.#waiting.size === 0) return
    if (hasFailed) this.#schedule(this.#store.status.isConnected ? PERIOD_MS : RETRY_MS)
    else this.#schedule(this.#waiting.size >= BATCH ? 1 : PERIOD_MS)
  }

  async #tellOf(batch: readonly Told[]): Promise<void> {
    const { id, count } = this.#membership
    const args = batch.flatMap(({ bucket, counts }) => {
      const { rate, size } = bucket.limit
      const { noted } = bucket
      return [rate, size, leastOf(bucket), counts.passed, noted.passed, counts.asked, noted.asked]
    })
    const answers = await this.#store.take(
      batch.map(({ key }) => key),
      [id, count, ...args]
    )
    const nowMs = performance.now()
    for (const [index, { bucket, counts }] of batch.entries()) {
      const [left, share] = [Number(answers[2 * index]), Number(answers[2 * index + 1])]
      // Whatever a store says, it gives nobody more than there is.
      // and takes no more than the script would.
      if (left <= bucket.limit.size && share > 0 && share <= 1)
        bucket.answer(counts, Math.max(left, leastOf(bucket)), share, nowMs)
    }
  }
}

const leastOf = ({ limit }: Bucket) => Math.min(-1, limit.size * LEAST_SHARE)
