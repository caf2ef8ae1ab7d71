import type { IncomingMessage } from 'node:http'
import { TotalsRows } from '../../base/cells/totals.js'
import { BalancerCell } from '../../pool/cells.js'
import type { RouteOptions } from '../../routing/options.js'
import { RouteTable } from '../../routing/route-table.js'
import type { Exchange } from '../exchange.js'
import { AMBIGUOUS_PATH, NO_ROUTE } from '../failure.js'
import type { Forwarder } from '../forwarder.js'
import { checkRequest, type RequestLimits } from '../request/request-check.js'
import type { RequestForwarder } from '../request-forwarder.js'
import type { ClientStream } from '../response/client-stream.js'
import { RequestView } from './request-view.js'
import { COUNTED, RouteCounts } from './route-counts.js'
import type { RouterOptions } from './router-options.js'
import { ServedRoute } from './served-route.js'

/** Finds the route of each request, and has it served as that says. */
export class Router implements RequestForwarder {
  readonly #options: RouterOptions
  /** Of bodies, those of the route count. */
  readonly #limits: RequestLimits
  readonly #view: RequestView
  readonly #newCounts: (route: string) => RouteCounts
  #table: RouteTable<ServedRoute>

  /**
   * @param forwarderOf the forwarder of a pool by its name
   * @throws if a route has a field that cannot be sent, or must not be changed
   */
  constructor(
    routes: readonly RouteOptions[],
    forwarderOf: (pool: string) => Forwarder,
    options: RouterOptions
  ) {
    this.#options = options
    const { threads, countsAt } = options
    const rows = new TotalsRows(COUNTED, threads)
    this.#newCounts = (route) => new RouteCounts(countsAt?.(route) ?? rows.next())
    this.#limits = { ...options.limits, bodyBytes: 0 }
    this.#view = new RequestView(options.trusted)
    this.#table = this.#compile(routes, forwarderOf)
  }

  /** The routes as they are served now. */
  get routes(): readonly ServedRoute[] {
    return this.#table.routes
  }

  /**
   * Replaces all routes. Requests that have found theirs keep it to their end.
   * @throws as the constructor does, and then nothing changes
   */
  replace(routes: readonly RouteOptions[], forwarderOf: (pool: string) => Forwarder): void {
    this.#table = this.#compile(routes, forwarderOf)
  }

  /** Ends what routes have under way beside the requests of clients. */
  stop(): void {
    for (const route of this.routes) route.stop()
  }

  open(
    req: IncomingMessage,
    res: ClientStream,
    target: string,
    requestId: string,
    upgrade?: string
  ): Exchange | undefined {
    const { rejectRequest } = this.#options
    const destination = checkRequest(req, target, this.#limits)
    if ('statusCode' in destination) {
      rejectRequest(req, res, destination, BalancerCell.rejectedRequest, undefined, undefined)
      return undefined
    }
    const found = this.#table.match(this.#view.of(req, destination))
    if (found === 'no-route') {
      rejectRequest(req, res, NO_ROUTE, BalancerCell.rejectedNoRoute, undefined, undefined)
    } else if (found === 'ambiguous-path') {
      rejectRequest(req, res, AMBIGUOUS_PATH, BalancerCell.rejectedRequest, undefined, undefined)
    } else {
      return found.route.serve(req, res, destination, target, requestId, upgrade, found)
    }
    return undefined
  }

  #compile(
    routes: readonly RouteOptions[],
    forwarderOf: (pool: string) => Forwarder
  ): RouteTable<ServedRoute> {
    const before = new Map(this.#table?.routes.map((route) => [route.name, route]))
    return new RouteTable(
      routes.map(
        (route) => new ServedRoute(route, forwarderOf, this.#options, this.#newCounts, before.get(route.name))
      )
    )
  }
}
