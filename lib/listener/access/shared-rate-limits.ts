import type { SharedCells } from '../../base/cells/shared-cells.js'
import { sharedSecret } from '../../base/cells/shared-secret.js'
import { hashKeyOf, KeyedHash } from '../../base/keyed-hash.js'
import { BucketTable, bucketTableCells } from './bucket-table.js'
import type { RateLimitConfig } from './options.js'
import type { ClientLimiter } from './rate-limiter.js'
import { SharedRateLimiter } from './shared-rate-limiter.js'

/** The rate limits of a server with several threads. */
export class SharedRateLimits {
  readonly #table: BucketTable
  readonly #secret: KeyedHash

  constructor(cells: SharedCells) {
    this.#table = new BucketTable(cells.threads, cells.named('rate-limit', bucketTableCells()))
    this.#secret = new KeyedHash(hashKeyOf(sharedSecret(cells, 'hash-secret')))
  }

  /**
   * Creates the limiters of what has this name: with the same limit, clients have what they had left of it, in whichever
   * thread.
   */
  of(name: string): (limit: RateLimitConfig) => ClientLimiter {
    return (limit) => {
      const { count, windowS, burst } = limit
      // A byte each, as it is hashed.
      const text = Buffer.from(`${count}/${windowS};burst=${burst} ${name}`).toString('latin1')
      const low = this.#secret.of(text)
      return new SharedRateLimiter(limit, this.#table, [low, this.#secret.high])
    }
  }

  /** To be called when a thread has ended. */
  clearThread(thread: number): void {
    this.#table.clearThread(thread)
  }
}
