import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import type { Destination } from '../../base/http/request-target.js'
import { clientKey } from '../../listener/access/client-key.js'
import { clientOf } from '../../listener/client/client-address.js'
import { BalancerCell } from '../../pool/cells.js'
import { fixedAnswer } from '../../routing/filters/fixed-response.js'
import type { RouteAnswer } from '../../routing/filters/route-answer.js'
import { Split } from '../../routing/filters/split.js'
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
import { poolsOf } from '../../routing/pools-of.js'
import type { Exchange } from '../exchange.js'
import { AMBIGUOUS_PATH, type Failure } from '../failure.js'
import type { Forwarder } from '../forwarder.js'
import { redirectOf, sendRouteAnswer } from '../local-reply/route-answer.js'
import { Mirror } from '../mirror/mirror.js'
import type { ClientStream } from '../response/client-stream.js'
import type { RouteCounts } from './route-counts.js'
import { type RouteEntry, routeEntry } from './route-entry.js'
import { routeRejection } from './route-rejection.js'
import type { RouterOptions } from './router-options.js'

/** One of the pools of a split. */
interface Target {
  readonly forwarder: Forwarder
  readonly entry: RouteEntry
}

/** A route that is in use, with all that its requests need. */
export class ServedRoute implements RouteOptions {
  readonly name: string
  readonly match: RouteMatch
  readonly paths: PathReading
  readonly action: RouteAction
  readonly filters: RouteFilters
  readonly counts: RouteCounts
  readonly #server: RouterOptions
  /** For all requests, but those of a split. */
  readonly entry: RouteEntry
  /** That of its one pool; undefined if there are several, or none. */
  readonly #forwarder: Forwarder | undefined
  readonly #split: Split<Target> | undefined
  readonly #mirror: Mirror | undefined
  readonly #pathChange: PathChange | undefined
  readonly #redirect: Redirect | undefined
  readonly #answer: RouteAnswer | undefined

  /**
   * @param forwarderOf the forwarder of a pool by its name
   * @param newCounts called where there are none yet
   * @param before a route of this name until now, whose counts and rate limit go on
   * @throws if it has a field that cannot be sent, or must not be changed
   */
  constructor(
    { name, match, paths, action, filters }: RouteOptions,
    forwarderOf: (pool: string) => Forwarder,
    server: RouterOptions,
    newCounts: (route: string) => RouteCounts,
    before?: ServedRoute
  ) {
    this.name = name
    this.match = match
    this.paths = paths
    this.action = action
    this.filters = filters
    this.counts = before?.counts ?? newCounts(name)
    this.#server = server
    const { mirror } = filters
    this.#mirror = mirror && new Mirror(forwarderOf(mirror.pool), mirror.percent, this.counts)
    this.entry = routeEntry(this, action.kind === 'pool' ? action.pool : undefined, {
      trusted: server.trusted,
      mirror: this.#mirror,
      counts: this.counts,
      before: before?.entry,
      rateLimits: server.rateLimits
    })
    const targetOf = (pool: string): Target => ({
      forwarder: forwarderOf(pool),
      entry: { ...this.entry, pool }
    })
    this.#forwarder = action.kind === 'pool' ? forwarderOf(action.pool) : undefined
    this.#split = action.kind === 'split' ? splitOf(action, targetOf, server.trusted) : undefined
    this.#redirect = action.kind === 'redirect' ? action : undefined
    this.#pathChange = this.#redirect?.path ?? filters.rewritePath
    this.#answer = action.kind === 'respond' ? fixedAnswer(action) : undefined
  }

  /** The names of the pools that it may lead to. */
  get pools(): readonly string[] {
    return poolsOf(this.action)
  }

  /**
   * Serves a request that has matched.
   * @param target as the client sent it
   * @param origin by what it did
   */
  serve(
    req: IncomingMessage,
    res: ClientStream,
    destination: Destination,
    target: string,
    requestId: string,
    upgrade: string | undefined,
    origin: PathOrigin
  ): Exchange | undefined {
    const { rejectRequest, limits } = this.#server
    const chosen = this.#split?.choose(req)
    const forwarder = chosen ? chosen.forwarder : this.#forwarder
    const entry = chosen ? chosen.entry : this.entry
    const rejection = routeRejection(req, entry, forwarder ? forwarder.maxBodyBytes : limits.bodyBytes)
    if (rejection) {
      rejectRequest(req, res, rejection.failure, rejection.cell, rejection.fields, entry)
      return undefined
    }
    const changed = this.#pathChange ? changedBy(this.#pathChange, destination, origin) : destination
    if (!changed) return this.#fail(req, res, AMBIGUOUS_PATH)
    if (forwarder) return forwarder.forward(req, res, changed, target, requestId, upgrade, entry)
    const answer = this.#redirect
      ? redirectOf(req, this.#redirect, changed, this.#server.trusted)
      : this.#answer!
    if ('code' in answer) return this.#fail(req, res, answer)
    this.#server.onRouteAnswer(req, res, answer, this.entry)
    sendRouteAnswer(req, res, answer, this.entry)
    return undefined
  }

  /** Ends what it has under way beside the requests of clients. */
  stop(): void {
    this.#mirror?.stop()
  }

  #fail(req: IncomingMessage, res: ClientStream, failure: Failure): undefined {
    this.#server.rejectRequest(req, res, failure, BalancerCell.rejectedRequest, undefined, this.entry)
  }
}

function splitOf(
  { pools, isSteady }: Extract<RouteAction, { kind: 'split' }>,
  targetOf: (pool: string) => Target,
  trusted: BlockList
): Split<Target> {
  const parts = pools.map(({ pool: name, weight }) => {
    const to = targetOf(name)
    return { name, weight, sessions: to.forwarder.sessions, to }
  })
  return new Split(parts, isSteady ? clientKeyReader(trusted) : undefined)
}

/** Apart, so that what it returns keeps nothing of the pools that were there before a reload. */
function clientKeyReader(trusted: BlockList): (req: IncomingMessage) => string {
  return (req) => clientKey(clientOf(req, trusted))
}

function changedBy(
  change: PathChange,
  { path, authority }: Destination,
  origin: PathOrigin
): Destination | undefined {
  const changed = rewritten(path, origin, change)
  return changed === undefined ? undefined : { path: changed, authority }
}
