import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { policyOf } from '../balancing/algorithms.js'
import { keyReader } from '../balancing/hash-key.js'
import type { Policy } from '../balancing/policy.js'
import { Selector } from '../balancing/selector.js'
import { Sessions, stickyPolicy } from '../balancing/sticky.js'
import type { Destination } from '../base/http/request-target.js'
import { isInRanges } from '../base/values/values.js'
import type { Backend } from '../pool/backend.js'
import { BalancerCell } from '../pool/cells.js'
import type { Registry } from '../pool/registry.js'
import { Admission, OVERLOAD } from './admission/admission.js'
import type { Rejection } from './admission/rejection.js'
import { Deadlines } from './deadlines.js'
import type { EndedRequest } from './ended-request.js'
import { Exchange } from './exchange.js'
import { type AttemptFault, type Failure, isServerError } from './failure.js'
import { reportFault } from './fault-report.js'
import type { ForwarderOptions, TrafficListeners } from './forwarder-options.js'
import type { Forwarding, UnresponsiveDetector } from './forwarding.js'
import type { ForwardedBy } from './request/forwarding-fields.js'
import { checkRequest } from './request/request-check.js'
import { outgoingRequest } from './request/request-head.js'
import type { ClientStream } from './response/client-stream.js'
import { ResponseTimeouts } from './response-timeouts.js'
import { HedgeDelay } from './retry/hedge-delay.js'
import { RecoveryQueue } from './retry/recovery-queue.js'
import { RetryBudget } from './retry/retry-budget.js'
import { waitingQueueOf } from './retry/shared-waiting-queue.js'
import type { WaitingQueue } from './retry/waiting-queue.js'
import type { RouteEntry } from './route/route-entry.js'

/**
 * Forwards the requests of a pool. It ties selection, retries, queues, the retry budget, hedging and outlier detection
 * together, and is what all exchanges of the pool share.
 */
export class Forwarder implements Forwarding {
  readonly timeouts: ResponseTimeouts
  readonly deadlines = new Deadlines()
  readonly selector: Selector
  readonly sessions: Sessions | undefined
  readonly budget: RetryBudget
  readonly queue: WaitingQueue
  readonly recovery: RecoveryQueue
  readonly unresponsiveDetector: UnresponsiveDetector | undefined
  readonly trusted: BlockList
  readonly maxBodyBytes: number
  readonly bodyTimeoutMs: number
  readonly retries: number
  readonly tunnelTimeoutMs: number
  isStopped = false
  readonly #options: ForwarderOptions
  readonly #traffic: TrafficListeners
  readonly #policy: Policy
  readonly #admission: Admission
  readonly #hedgeDelay: HedgeDelay | undefined
  #exchanges = 0
  #shadows = 0

  /** @param sessions of the pool until now, or their key, where it has no secret for them */
  constructor(
    readonly registry: Registry,
    options: ForwarderOptions,
    traffic: TrafficListeners,
    sessions?: Sessions | Buffer
  ) {
    const { balancing, resilience, limits, trusted } = options
    const { backends, counters } = registry
    const { queueSize: size, queueTimeoutMs: timeoutMs } = resilience
    this.#options = options
    this.#traffic = traffic
    this.#admission = new Admission(counters, traffic.serverCounters ?? counters, options.maxConnections)
    this.retries = resilience.retries
    this.tunnelTimeoutMs = options.tunnelTimeoutMs
    this.trusted = trusted
    this.maxBodyBytes = limits.bodyBytes
    this.bodyTimeoutMs = limits.bodyTimeoutMs
    this.unresponsiveDetector = traffic.unresponsiveDetector
    this.timeouts = new ResponseTimeouts(options.responseTimeoutMs)
    this.sessions = balancing.sticky && new Sessions(backends, balancing.sticky, sessions)
    const policy = policyOf(balancing.algorithm, keyReader(balancing.hashKey, trusted))
    this.#policy = this.sessions ? stickyPolicy(this.sessions, policy) : policy
    this.selector = new Selector(backends, this.#policy)
    this.budget = new RetryBudget(counters, resilience.retryBudget)
    this.recovery = new RecoveryQueue(counters, { size, timeoutMs: resilience.outageTimeoutMs })
    this.queue = waitingQueueOf(registry.block, { size, timeoutMs }, () => this.recovery.serve())
    this.#hedgeDelay = resilience.hedge ? new HedgeDelay(traffic.latency) : undefined
    // What becomes of the backends is told to another one.
    registry.on('retired', () => registry.on('tick', () => this.#serve()))
    registry
      .on('tick', (nowMs) => this.#onTick(nowMs))
      .on('state', () => this.#serve())
      .on('rotation', () => this.#serve())
      .on('reconfigured', () => this.#setBackends())
      .on('removed', (backend) => this.#policy.forget?.(backend))
      .on('members', () => this.#setBackends())
  }

  /**
   * Chooses a backend for a request and acquires a slot on it, which passes to the exchange. Rejects the request, and
   * returns nothing, if it cannot be passed on or no backend is available.
   * @param upgrade the protocols that it offers to change to
   */
  open(
    req: IncomingMessage,
    res: ClientStream,
    target: string,
    requestId: string,
    upgrade?: string
  ): Exchange | undefined {
    const destination = checkRequest(req, target, this.#options.limits)
    if ('statusCode' in destination)
      return this.#reject(req, res, { failure: destination, cell: BalancerCell.rejectedRequest })
    return this.forward(req, res, destination, target, requestId, upgrade, undefined)
  }

  /**
   * The same for a request that was checked, and whose route is known.
   * @param destination as the backend is to see it
   * @param target as the client sent it
   * @param route undefined if there are no routes
   */
  forward(
    req: IncomingMessage,
    res: ClientStream,
    destination: Destination,
    target: string,
    requestId: string,
    upgrade: string | undefined,
    route: RouteEntry | undefined
  ): Exchange | undefined {
    const { forwarded, trusted, resilience } = this.#options
    if (!this.#admission.acquire()) return this.#reject(req, res, OVERLOAD, route)
    // Requests that wait already go first.
    const backend = this.queue.isBlocked ? undefined : this.selector.acquire(req)
    const rejection = backend ? undefined : this.#admission.rejection(this, this.registry.tickMs)
    if (rejection) {
      this.#admission.release()
      return this.#reject(req, res, rejection, route)
    }
    const trace = this.#traffic.tracing?.begin(req, target)
    const mirror = route?.mirror && upgrade === undefined && route.mirror.isDue() ? route.mirror : undefined
    const by: ForwardedBy = { target, requestId, forwarded, trusted, trace, route, mirror }
    const request = outgoingRequest(req, destination, by, resilience.retryBufferBytes, upgrade)
    return new Exchange(req, res, request, backend, by, this)
  }

  /** Whether nothing is under way at its backends. */
  get isIdle(): boolean {
    return this.#exchanges === 0 && this.#shadows === 0
  }

  /** Stops its timers, before its connections are closed. */
  stop(): void {
    this.isStopped = true
    this.timeouts.stop()
    this.deadlines.stop()
    this.queue.stop()
  }

  get hedgeAfterMs(): number {
    return this.#hedgeDelay?.ms ?? 0
  }

  isRetriedStatus(statusCode: number): boolean {
    return isInRanges(this.#options.resilience.retryStatus, statusCode)
  }

  onBegin(): void {
    this.#exchanges++
    this.registry.counters.addTotal(BalancerCell.total, 1)
  }

  onShadowBegin(): void {
    this.#shadows++
  }

  onShadowEnd(): void {
    this.#shadows--
  }

  onAnswer(backend: Backend, statusCode: number, latencyMs: number, nowMs: number): void {
    backend.hasAnsweredSinceTick = true
    backend.measures.durations.observe(latencyMs / 1000)
    // How fast it fails says nothing of how fast it answers.
    if (isServerError(statusCode)) this.#traffic.outlierDetector.onError(backend)
    else this.#policy.onLatency?.(backend, latencyMs, nowMs)
  }

  onComplete(backend: Backend, statusCode: number): void {
    if (!isServerError(statusCode)) this.#traffic.outlierDetector.onSuccess(backend)
  }

  onFault(backend: Backend, fault: AttemptFault, isReused: boolean): void {
    reportFault(backend, fault, isReused, this.registry, this.#traffic)
  }

  onFailure({ statusCode }: Failure): void {
    // The others are the client's.
    if (statusCode >= 500 && statusCode !== 503) this.registry.counters.addTotal(BalancerCell.failed, 1)
  }

  count({ req, by, statusCode, answeredBy }: EndedRequest, durationMs: number): void {
    by.route?.counts.countAnswer(statusCode)
    this.#traffic.metrics.count(req.method!, statusCode, answeredBy, durationMs)
  }

  onEnd(request: EndedRequest): void {
    const { latency, endListeners } = this.#traffic
    const { durationMs } = request
    this.#exchanges--
    this.#admission.release()
    if (request.res.writableFinished) latency.record(durationMs, performance.now())
    // A tunnel was counted as it opened.
    if (!request.changesProtocol) this.count(request, durationMs)
    for (const listener of endListeners) listener.record(request)
  }

  #reject(req: IncomingMessage, res: ClientStream, { failure, cell }: Rejection, route?: RouteEntry) {
    this.#traffic.rejectRequest(req, res, failure, cell, undefined, route)
    return undefined
  }

  #onTick(nowMs: number): void {
    this.#hedgeDelay?.tick(nowMs)
    this.#policy.tick?.(nowMs)
    this.budget.tick(nowMs)
    this.queue.tick(nowMs)
    this.recovery.tick(nowMs)
    const lateMs = Math.min(this.unresponsiveDetector?.afterMs || Infinity, this.hedgeAfterMs || Infinity)
    if (lateMs < Infinity) this.timeouts.notifyLate(nowMs, lateMs)
  }

  #setBackends(): void {
    const { backends } = this.registry
    this.selector.setBackends(backends)
    this.sessions?.setBackends(backends)
    this.#serve()
  }

  /** Lets those go that wait and find a slot. */
  #serve(): void {
    this.queue.serveAll()
    this.recovery.serve()
  }
}
