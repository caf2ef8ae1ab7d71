import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import type { BalancingOptions } from '../balancing/options.js'
import type { TotalCell } from '../base/cells/cell.js'
import type { Counters } from '../base/cells/counters.js'
import type { LatencyWindow } from '../base/latency/latency-window.js'
import type { Resource } from '../base/shortage/resource.js'
import type { StatusRange } from '../base/values/values.js'
import type { Backend } from '../pool/backend.js'
import type { EndedRequest } from './ended-request.js'
import type { Failure } from './failure.js'
import type { UnresponsiveDetector } from './forwarding.js'
import type { TraceContext } from './request/forwarding-fields.js'
import type { RequestLimits } from './request/request-check.js'
import type { ClientStream } from './response/client-stream.js'
import type { RouteEntry } from './route/route-entry.js'

export interface ForwarderOptions {
  readonly balancing: BalancingOptions
  readonly resilience: ResilienceOptions
  /** Requests in flight of the whole server. */
  readonly maxConnections: number
  readonly limits: RequestLimits & { readonly bodyTimeoutMs: number }
  /** Whether to add RFC 7239's `Forwarded`. */
  readonly forwarded: boolean
  /** Proxies whose word on the client is believed. */
  readonly trusted: BlockList
  /** From the end of a request to the head of its response; 0 for no limit. */
  readonly responseTimeoutMs: number
  /** Longest silence of an upgraded connection. */
  readonly tunnelTimeoutMs: number
}

export interface ResilienceOptions {
  /** Attempts after the first. */
  readonly retries: number
  readonly retryStatus: readonly StatusRange[]
  /** Largest body that is kept for a retry. */
  readonly retryBufferBytes: number
  /** Share of the requests in flight, 0 to 1. */
  readonly retryBudget: number
  readonly hedge: boolean
  readonly queueSize: number
  readonly queueTimeoutMs: number
  /** How long a request waits while no backend is available; 0 for not at all. */
  readonly outageTimeoutMs: number
}

/** What a forwarder reports its traffic to. */
export interface TrafficListeners {
  /** Counts requests by method, status (0 without an answer), backend and duration. */
  readonly metrics: {
    count(method: string, statusCode: number, backend: Backend | undefined, durationMs: number): void
  }
  readonly latency: LatencyWindow
  /** Of a server with several pools, whose requests in flight are bounded together. */
  readonly serverCounters?: Counters | undefined
  readonly outlierDetector: {
    onError(backend: Backend): void
    onLoss(backend: Backend, isReused: boolean): void
    onSuccess(backend: Backend): void
  }
  /** Undefined if it is turned off. */
  readonly unresponsiveDetector: UnresponsiveDetector | undefined
  /** Called with each request at its end. */
  readonly endListeners: readonly { record(ended: EndedRequest): void }[]
  /** Gives requests their place in a trace; undefined to leave traces alone. */
  readonly tracing: { begin(req: IncomingMessage, target: string): TraceContext } | undefined
  /** This machine lacks something for a connection to a backend. */
  onShortage(missing: Resource): void
  /**
   * Answers a request that goes to no backend, and counts it in a cell of the balancer's counters.
   * @param fields further fields of the answer, names and values in turn
   */
  rejectRequest(
    req: IncomingMessage,
    res: ClientStream,
    failure: Failure,
    cell: TotalCell,
    fields: readonly string[] | undefined,
    route: RouteEntry | undefined
  ): void
}
