import type { SharedCells } from '../../base/cells/shared-cells.js'
import { sharedSecret } from '../../base/cells/shared-secret.js'
import { BucketTable, bucketTableCells } from './bucket-table.js'
import type { RateLimitConfig } from './options.js'
import type { ClientLimiter, RateLimits } from './rate-limiter.js'
import { SharedRateLimiter } from './shared-rate-limiter.js'

/** The rate limits of a server with several threads. */
export class SharedRateLimits implements RateLimits {
  readonly #table: BucketTable
  readonly #secret: string

  constructor(cells: SharedCells) {
    this.#table = new BucketTable(cells.threads, cells.named('rate-limit', bucketTableCells()))
    this.#secret = sharedSecret(cells, 'hash-secret').toString('hex')
  }

  /** With the same limit, clients have what they had left of it in whichever thread. */
  of(name: string): (limit: RateLimitConfig) => ClientLimiter {
    return (limit) => {
      const { count, windowS, burst } = limit
      const key = `${this.#secret} ${count}/${windowS};burst=${burst} ${name}`
      return new SharedRateLimiter(limit, this.#table, key)
    }
  }

  /** To be called when a thread has ended. */
  clearThread(thread: number): void {
    this.#table.clearThread(thread)
  }
}
