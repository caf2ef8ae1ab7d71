import type { BlockList } from 'node:net'
import { isLimited, type RateLimitConfig } from '../../listener/access/options.js'
import type { RateLimits } from '../../listener/access/rate-limiter.js'
import { ErrorPages } from '../../routing/filters/error-pages.js'
import { FieldEdits } from '../../routing/filters/field-edits.js'
import type { RouteOptions, RouteRateLimit } from '../../routing/options.js'
import { AccessControl } from '../admission/access-control.js'
import type { RequestMirror } from '../mirror/request-mirror.js'
import { RouteCounts } from './route-counts.js'

/** What a matched route says of its requests and their answers. Made once for each route and pool, and shared by them. */
export interface RouteEntry {
  /** The name of the route. */
  readonly route: string
  /** The name of the pool that it leads to; undefined if the balancer answers itself. */
  readonly pool: string | undefined
  /** How its requests have ended so far. */
  readonly counts: RouteCounts
  readonly requestEdits: FieldEdits | undefined
  /** Of all answers: the backends', and the balancer's own. */
  readonly responseEdits: FieldEdits | undefined
  /** From the end of a request to the head of the response; 0 for no limit. What is undefined here is as the pool says. */
  readonly timeoutMs: number | undefined
  /** Attempts after the first. */
  readonly retries: number | undefined
  /** Largest body of a request; 0 for no limit. */
  readonly maxBodyBytes: number | undefined
  /** Undefined if all clients may come, as often as they like. */
  readonly access: AccessControl | undefined
  /** Undefined if answers stay as they are. */
  readonly errorPages: ErrorPages | undefined
  /** Undefined if no other pool gets the requests as well. */
  readonly mirror: RequestMirror | undefined
}

interface Parts {
  /** Proxies whose word on the client is believed. */
  readonly trusted: BlockList
  readonly mirror?: RequestMirror | undefined
  /** Where requests are counted. */
  readonly counts?: RouteCounts
  /** What a route of this name said until now: its rate limit goes on, if that is the same. */
  readonly before?: RouteEntry | undefined
  /** Those of all threads or balancers, if there are several. */
  readonly rateLimits?: RateLimits | undefined
}

/**
 * What a route says of the requests that go to a pool.
 * @param pool undefined if the balancer answers them itself
 * @throws if it has a field that cannot be sent, or must not be changed
 */
export function routeEntry(
  { name, filters }: RouteOptions,
  pool: string | undefined,
  { trusted, mirror, counts = new RouteCounts(), before, rateLimits }: Parts
): RouteEntry {
  const { requestHeaders, rewriteHost, responseHeaders, timeoutMs, retries, maxBodyBytes } = filters
  const { rateLimit, allow, deny } = filters
  const limits = { rateLimit: rateLimit && bucketOf(rateLimit), allow, deny }
  return {
    route: name,
    pool,
    counts,
    requestEdits: FieldEdits.ofRequests(requestHeaders, rewriteHost),
    responseEdits: FieldEdits.ofResponses(responseHeaders),
    timeoutMs,
    retries,
    maxBodyBytes,
    errorPages: filters.errors.length > 0 ? new ErrorPages(filters.errors) : undefined,
    access: isLimited(limits)
      ? new AccessControl(limits, trusted, before?.access, rateLimits?.of(`route ${name}`))
      : undefined,
    mirror
  }
}

const HOUR_S = 3600

/** The same rate with a whole number of requests in each window, as the fields of a rejected request have it. */
function bucketOf({ perSecond, burst }: RouteRateLimit): RateLimitConfig {
  if (Number.isInteger(perSecond)) return { count: perSecond, windowS: 1, burst }
  return { count: Math.max(Math.round(perSecond * HOUR_S), 1), windowS: HOUR_S, burst }
}
