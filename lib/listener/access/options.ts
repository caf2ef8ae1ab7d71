import type { BlockList } from 'node:net'

/** The rate limit of each client: a token bucket. */
export interface RateLimitConfig {
  /** Requests in each window, in the long run. */
  readonly count: number
  readonly windowS: number
  /** Requests at once, after a time without any. */
  readonly burst: number
}

/** Which clients are served, and how often. */
export interface AccessConfig {
  readonly rateLimit: RateLimitConfig | undefined
  /** Undefined: everybody is allowed. */
  readonly allow: BlockList | undefined
  /** Undefined: nobody is denied. */
  readonly deny: BlockList | undefined
}

/** Whether there is anything that a request may be rejected for. */
export function isLimited({ rateLimit, allow, deny }: AccessConfig): boolean {
  return rateLimit !== undefined || allow !== undefined || deny !== undefined
}
