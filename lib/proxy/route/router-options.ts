import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import type { Threads } from '../../base/cells/rows.js'
import type { TotalsPlace } from '../../base/cells/totals.js'
import type { RateLimits } from '../../listener/access/rate-limiter.js'
import type { RouteAnswer } from '../../routing/filters/route-answer.js'
import type { TrafficListeners } from '../forwarder-options.js'
import type { RequestLimits } from '../request/request-check.js'
import type { ClientStream } from '../response/client-stream.js'
import type { RouteEntry } from './route-entry.js'

/** What the routes of a server have in common. */
export interface RouterOptions {
  readonly limits: RequestLimits
  /** Proxies whose word on the client is believed. */
  readonly trusted: BlockList
  /** The rate limits of all threads, if there are several. */
  readonly rateLimits?: RateLimits | undefined
  /** Answers a request that goes to no pool. */
  readonly rejectRequest: TrafficListeners['rejectRequest']
  /** That share the counts of routes; one if absent. */
  readonly threads?: Threads
  /** Where the thread that decides has those of a route, if this is another. */
  readonly countsAt?: ((route: string) => TotalsPlace | undefined) | undefined
  /** A route is about to answer a request in place of a backend. */
  onRouteAnswer(req: IncomingMessage, res: ClientStream, answer: RouteAnswer, route: RouteEntry): void
}
