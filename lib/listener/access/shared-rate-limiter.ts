import { THREAD_ORIGIN_MS } from '../../base/clock.js'
import { KeyedHash } from '../../base/keyed-hash.js'
import { type Bucket, type BucketTable, bucketOf } from './bucket-table.js'
import type { RateLimitConfig } from './options.js'
import type { ClientLimiter } from './rate-limiter.js'

/** A rate limit of each client, over several threads. */
export class SharedRateLimiter implements ClientLimiter {
  readonly #table: BucketTable
  readonly #hash: KeyedHash
  readonly #bucket: Bucket
  readonly #originMs: number

  /**
   * @param table with the buckets of this and other limits
   * @param key of this one alone, with which it finds its own
   * @param originMs of the clock of this thread
   */
  constructor(
    { count, windowS, burst }: RateLimitConfig,
    table: BucketTable,
    key: string,
    originMs = THREAD_ORIGIN_MS
  ) {
    this.#table = table
    this.#hash = new KeyedHash(key)
    this.#bucket = bucketOf((windowS * 1000) / count, burst)
    this.#originMs = originMs
  }

  take(client: string, nowMs: number): number {
    const { low, high } = this.#hash.of(client)
    return this.#table.take(low || 1, high, this.#bucket, this.#originMs + nowMs)
  }
}
