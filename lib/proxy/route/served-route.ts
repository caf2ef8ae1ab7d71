import type { IncomingMessage } from 'node:http'
import type { Destination } from '../../base/http/request-target.js'
import { BalancerCell } from '../../pool/counters.js'
import { fixedAnswer } from '../../routing/filters/fixed-response.js'
import type { RouteAnswer } from '../../routing/filters/route-answer.js'
import type {
  PathChange,
  PathReading,
  Redirect,
  RouteAction,
  RouteFilters,
  RouteMatch,
  RouteOptions
} from '../../routing/options.js'
import type { PathOrigin } from '../../routing/path-change.js'
import { rewritten } from '../../routing/path-change.js'
import type { Exchange } from '../exchange.js'
import { AMBIGUOUS_PATH, type Failure } from '../failure.js'
import type { Forwarder } from '../forwarder.js'
import { redirectOf, sendRouteAnswer } from '../local-reply/route-answer.js'
import type { ForwardedBy } from '../request/forwarding-fields.js'
import type { ClientStream } from '../response/client-stream.js'
import { RouteCounts } from './route-counts.js'
import { routeRejection } from './route-rejection.js'
import { type RoutedRequest, routedRequest } from './routed-request.js'
import type { RouterOptions } from './router-options.js'

/** A route that is in use, with all that its requests need. */
export class ServedRoute implements RouteOptions {
  readonly name: string
  readonly match: RouteMatch
  readonly paths: PathReading
  readonly action: RouteAction
  readonly filters: RouteFilters
  readonly counts: RouteCounts
  readonly #server: RouterOptions
  /** Undefined if the balancer answers itself. */
  readonly #forwarder: Forwarder | undefined
  readonly #routed: RoutedRequest
  readonly #pathChange: PathChange | undefined
  readonly #redirect: Redirect | undefined
  readonly #answer: RouteAnswer | undefined

  /**
   * @param forwarderOf the forwarder of a pool by its name
   * @param counts those of a route of this name before, which go on
   * @throws if it has a field that cannot be sent, or must not be changed
   */
  constructor(
    { name, match, paths, action, filters }: RouteOptions,
    forwarderOf: (pool: string) => Forwarder,
    server: RouterOptions,
    counts = new RouteCounts()
  ) {
    this.name = name
    this.match = match
    this.paths = paths
    this.action = action
    this.filters = filters
    this.counts = counts
    this.#server = server
    const pool = action.kind === 'pool' ? action.pool : undefined
    this.#routed = routedRequest(
      { name, match, paths, action, filters },
      pool,
      server.trusted,
      undefined,
      counts
    )
    this.#forwarder = pool === undefined ? undefined : forwarderOf(pool)
    this.#redirect = action.kind === 'redirect' ? action : undefined
    this.#pathChange = this.#redirect?.path ?? filters.rewritePath
    this.#answer = action.kind === 'respond' ? fixedAnswer(action) : undefined
  }

  /** The names of the pools that it may lead to. */
  get pools(): readonly string[] {
    return this.#routed.pool === undefined ? [] : [this.#routed.pool]
  }

  /**
   * Serves a request that has matched.
   * @param origin by what it did
   */
  serve(
    req: IncomingMessage,
    res: ClientStream,
    destination: Destination,
    by: Pick<ForwardedBy, 'target' | 'requestId'>,
    upgrade: string | undefined,
    origin: PathOrigin
  ): Exchange | undefined {
    const { rejectRequest, limits } = this.#server
    const forwarder = this.#forwarder
    const rejection = routeRejection(req, this.#routed, forwarder?.maxBodyBytes ?? limits.bodyBytes)
    if (rejection) {
      rejectRequest(req, res, rejection.failure, rejection.cell, rejection.fields, this.#routed)
      return undefined
    }
    const changed = this.#pathChange ? changedBy(this.#pathChange, destination, origin) : destination
    if (!changed) return this.#fail(req, res, AMBIGUOUS_PATH)
    if (forwarder) return forwarder.forward(req, res, changed, by, upgrade, this.#routed)
    const answer = this.#redirect
      ? redirectOf(req, this.#redirect, changed, this.#server.trusted)
      : this.#answer!
    if ('code' in answer) return this.#fail(req, res, answer)
    this.#server.onRouteAnswer(req, res, answer.statusCode, this.#routed)
    sendRouteAnswer(req, res, answer, this.#routed)
    return undefined
  }

  #fail(req: IncomingMessage, res: ClientStream, failure: Failure): undefined {
    this.#server.rejectRequest(req, res, failure, BalancerCell.rejectedRequest, undefined, this.#routed)
  }
}

function changedBy(
  change: PathChange,
  { path, authority }: Destination,
  origin: PathOrigin
): Destination | undefined {
  const changed = rewritten(path, origin, change)
  return changed === undefined ? undefined : { path: changed, authority }
}
