import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { Clients } from '../../listener/access/clients.js'
import type { AccessConfig, RateLimitConfig } from '../../listener/access/options.js'
import { rateLimitFields } from '../../listener/access/rate-limit-fields.js'
import { type ClientLimiter, RateLimiter } from '../../listener/access/rate-limiter.js'
import { BalancerCell } from '../../pool/cells.js'
import { DENIED, RATE_LIMITED } from '../failure.js'
import type { Rejection } from './rejection.js'

const DENIED_REJECTION: Rejection = { failure: DENIED, cell: BalancerCell.rejectedDenied }

/** Lists of allowed and denied clients, and a rate limit of each. */
export class AccessControl {
  readonly #clients: Clients
  readonly #rateLimit: RateLimitConfig | undefined
  readonly #limiter: ClientLimiter | undefined
  readonly #fieldsOf: ((waitMs: number) => string[]) | undefined

  /**
   * @param trusted proxies whose word on the client is believed
   * @param before what this one replaces: with the same rate limit, its clients keep what they have left
   * @param createLimiter where the rate limit is not that of one thread
   */
  constructor(
    { rateLimit, allow, deny }: AccessConfig,
    trusted: BlockList,
    before?: AccessControl,
    createLimiter: (limit: RateLimitConfig) => ClientLimiter = (limit) => new RateLimiter(limit)
  ) {
    this.#clients = new Clients({ allow, deny }, trusted)
    this.#rateLimit = rateLimit
    this.#limiter = rateLimit && (before?.limiterOf(rateLimit) ?? createLimiter(rateLimit))
    this.#fieldsOf = rateLimit && rateLimitFields(rateLimit)
  }

  /** How a request is to be rejected because of its client; undefined if it is not, and counts towards the rate limit. */
  rejectionOf(req: IncomingMessage): Rejection | undefined {
    const { isDenied, key } = this.#clients.of(req)
    if (isDenied) return DENIED_REJECTION
    const waitMs = this.#limiter?.take(key, performance.now()) ?? 0
    if (waitMs === 0) return undefined
    return { failure: RATE_LIMITED, cell: BalancerCell.rejectedRateLimit, fields: this.#fieldsOf!(waitMs) }
  }

  /** The limiter, if it has this rate limit. */
  limiterOf({ count, windowS, burst }: RateLimitConfig): ClientLimiter | undefined {
    const own = this.#rateLimit
    const isSame = own?.count === count && own.windowS === windowS && own.burst === burst
    return isSame ? this.#limiter : undefined
  }
}
