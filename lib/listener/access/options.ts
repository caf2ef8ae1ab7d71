import type { BlockList } from 'node:net'

/** How many requests a client may send. */
export interface RateLimitConfig {
  /** In each window, in the long run. */
  readonly count: number
  readonly windowS: number
  /** At once, after a time without any. */
  readonly burst: number
}

export interface AccessConfig {
  readonly rateLimit: RateLimitConfig | undefined
  /** Undefined for everybody. */
  readonly allow: BlockList | undefined
  /** Undefined for nobody. */
  readonly deny: BlockList | undefined
}
