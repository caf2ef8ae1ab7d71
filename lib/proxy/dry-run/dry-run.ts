import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { isAdminTarget } from '../../base/http/request-target.js'
import { LatencyWindow } from '../../base/latency/latency-window.js'
import type { AccessConfig } from '../../listener/access/options.js'
import { offeredProtocols } from '../../listener/http1/upgradable-request.js'
import { requestId } from '../../listener/request-id.js'
import { Registry } from '../../pool/registry.js'
import type { BackendConfig } from '../../pool/spec/backend-spec.js'
import { type Explanation, explain } from '../../routing/explain.js'
import type { RouteOptions } from '../../routing/options.js'
import { RouteTable } from '../../routing/route-table.js'
import type { BackendPool } from '../../transport/backend-connections.js'
import type { OutgoingRequest } from '../../transport/backend-stream.js'
import { AccessControl } from '../admission/access-control.js'
import { BAD_REQUEST, type Failure, UNKNOWN_METHOD } from '../failure.js'
import { Forwarder } from '../forwarder.js'
import type { ForwarderOptions, TrafficListeners } from '../forwarder-options.js'
import { replyToOptions, sendLocalReply } from '../local-reply/local-reply.js'
import { lastHopReply } from '../request/max-forwards.js'
import { checkRequest, isKnownMethod } from '../request/request-check.js'
import type { RequestForwarder } from '../request-forwarder.js'
import type { ClientStream } from '../response/client-stream.js'
import { RequestView } from '../route/request-view.js'
import type { RouteEntry } from '../route/route-entry.js'
import { Router } from '../route/router.js'
import { type RecordedAnswer, RecordedClient } from './recorded-client.js'

/** A pool of a server that is not started. */
export interface DryPool {
  readonly name: string
  readonly backends: readonly BackendConfig[]
  readonly options: ForwarderOptions
}

export interface DryRunOptions {
  readonly pools: readonly DryPool[]
  /** Undefined where the only pool takes everything. */
  readonly routes: readonly RouteOptions[] | undefined
  readonly limits: ForwarderOptions['limits']
  readonly access: AccessConfig
  readonly trusted: BlockList
  /** Methods that are forwarded from clients of HTTP/2 only. */
  readonly methods: ReadonlySet<string>
  readonly tracing: TrafficListeners['tracing']
}

/** What becomes of a request. */
export type Outcome =
  /** It is for the balancer's own pages. */
  | { readonly kind: 'own-page' }
  /** A backend of a pool gets this head. */
  | { readonly kind: 'forwarded'; readonly pool: string; readonly head: string }
  /** The balancer answers itself: as a route asks, or with a failure. */
  | { readonly kind: 'answered'; readonly answer: RecordedAnswer; readonly failure: Failure | undefined }

interface Sent {
  readonly pool: string
  readonly head: string
}

/**
 * Has requests pass through all that decides on them when they come from clients, but for connections: what a backend
 * would be sent is kept, and so is what a client would be answered. All backends count as healthy.
 */
export class DryRun {
  readonly #options: DryRunOptions
  readonly #access: AccessControl
  readonly #table: RouteTable | undefined
  readonly #router: Router | undefined
  readonly #forwarders: ReadonlyMap<string, Forwarder>
  #sent: Sent | undefined
  #failure: Failure | undefined

  /** @throws if a route has a field that cannot be sent, or must not be changed */
  constructor(options: DryRunOptions) {
    const { access, trusted, pools, routes, limits } = options
    this.#options = options
    this.#access = new AccessControl(access, trusted)
    this.#forwarders = new Map(pools.map((pool) => [pool.name, this.#forwarderOf(pool)]))
    if (!routes) return
    const forwarderOf = (pool: string) => this.#forwarders.get(pool)!
    const rejectRequest = this.#rejectRequest
    this.#router = new Router(routes, forwarderOf, {
      limits,
      trusted,
      rejectRequest,
      onRouteAnswer: () => {}
    })
    this.#table = new RouteTable(routes)
  }

  /** Why a request has its route; undefined where there are no routes, or it is refused before one is looked for. */
  explain(req: IncomingMessage): Explanation | undefined {
    const { limits, trusted } = this.#options
    const destination = checkRequest(req, req.url!, { ...limits, bodyBytes: 0 })
    if (!this.#table || 'statusCode' in destination || isAdminTarget(req.url!)) return undefined
    return explain(this.#table, new RequestView(trusted).of(req, destination))
  }

  run(req: IncomingMessage): Outcome {
    this.#sent = undefined
    this.#failure = undefined
    const res = new RecordedClient()
    const upgrade = (req as { upgrade?: boolean }).upgrade ? offeredProtocols(req) : undefined
    if (isAdminTarget(req.url!) && upgrade === undefined) return { kind: 'own-page' }
    if (!this.#answerEarly(req, res)) this.#forward(req, res, upgrade)
    res.leave()
    const { answered: answer } = res
    return answer
      ? { kind: 'answered', answer, failure: this.#failure }
      : { kind: 'forwarded', ...this.#sent! }
  }

  /** Stops all timers. */
  stop(): void {
    this.#router?.stop()
    for (const forwarder of this.#forwarders.values()) forwarder.stop()
  }

  #forward(req: IncomingMessage, res: RecordedClient, upgrade: string | undefined): void {
    const [only] = this.#forwarders.values()
    const forwarder: RequestForwarder = this.#router ?? only!
    const exchange = forwarder.open(req, res, req.url!, requestId(req), upgrade)
    exchange?.start(() => {})
    exchange?.destroy()
  }

  /** Answers a request that is for no backend, whatever its route. */
  #answerEarly(req: IncomingMessage, res: RecordedClient): boolean {
    const { limits, methods } = this.#options
    const failure = isKnownMethod(req.method!)
      ? isAdminTarget(req.url!)
        ? BAD_REQUEST
        : undefined
      : UNKNOWN_METHOD
    const rejection = failure ? { failure, fields: undefined } : this.#access.rejectionOf(req)
    const lastHop = rejection ? undefined : lastHopReply(req, limits)
    if (rejection) this.#reject(req, res, rejection.failure, rejection.fields)
    else if (lastHop === 'options') replyToOptions(req, res, methods)
    else if (lastHop) this.#reject(req, res, lastHop)
    return res.answered !== undefined
  }

  readonly #rejectRequest: TrafficListeners['rejectRequest'] = (req, res, failure, _cell, fields, route) =>
    this.#reject(req, res, failure, fields, route)

  #reject(
    req: IncomingMessage,
    res: ClientStream,
    failure: Failure,
    fields?: readonly string[],
    route?: RouteEntry
  ): void {
    this.#failure = failure
    sendLocalReply(req, res, failure, fields, route)
  }

  #forwarderOf({ name, backends, options }: DryPool): Forwarder {
    const createPool = (): BackendPool => ({
      dispatch: ({ head }: OutgoingRequest) => {
        this.#sent = { pool: name, head }
      },
      close: async () => {},
      destroy: async () => {}
    })
    const nothing = () => {}
    return new Forwarder(new Registry(backends, { createPool, initialState: 'healthy' }), options, {
      metrics: { count: nothing },
      latency: new LatencyWindow(),
      outlierDetector: { onError: nothing, onLoss: nothing, onSuccess: nothing },
      unresponsiveDetector: undefined,
      endListeners: [],
      tracing: this.#options.tracing,
      onShortage: nothing,
      rejectRequest: this.#rejectRequest
    })
  }
}
