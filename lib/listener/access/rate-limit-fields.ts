import type { RateLimitConfig } from './options.js'

/** The name of the only policy. */
const POLICY = '"client"'

/**
 * The fields of a rejected request (draft-ietf-httpapi-ratelimit-headers-11). Returns a function from the milliseconds
 * until the next request is allowed to alternating names and values.
 */
export function rateLimitFields({ count, windowS, burst }: RateLimitConfig): (waitMs: number) => string[] {
  // Parameters that are not standard have a prefix (section 3.1).
  const own = burst === count ? '' : `;fairlead-burst=${burst}`
  const policy = `${POLICY};q=${count};w=${windowS}${own}`
  return (waitMs) => {
    // `Retry-After` and `t` must name the same time (section 6).
    const seconds = `${Math.ceil(waitMs / 1000)}`
    return ['Retry-After', seconds, 'RateLimit-Policy', policy, 'RateLimit', `${POLICY};r=0;t=${seconds}`]
  }
}
