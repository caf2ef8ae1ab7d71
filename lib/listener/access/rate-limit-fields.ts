import type { RateLimitConfig } from './options.js'

/** The name of the one policy that there is. */
const POLICY = '"client"'

/**
 * The fields that tell a client of its limit (draft-ietf-httpapi-ratelimit-headers-11), names and values in turn, by
 * the milliseconds that it has to wait.
 */
export function rateLimitFields({ count, windowS, burst }: RateLimitConfig): (waitMs: number) => string[] {
  // A parameter of our own has to have a prefix (section 3.1).
  const own = burst === count ? '' : `;fairlead-burst=${burst}`
  const policy = `${POLICY};q=${count};w=${windowS}${own}`
  return (waitMs) => {
    // Both in whole seconds, and not a moment sooner one than the other (section 6).
    const seconds = `${Math.ceil(waitMs / 1000)}`
    return ['Retry-After', seconds, 'RateLimit-Policy', policy, 'RateLimit', `${POLICY};r=0;t=${seconds}`]
  }
}
