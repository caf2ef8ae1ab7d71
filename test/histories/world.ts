import type { LatencyWindow } from '../../lib/base/latency/latency-window.js'
import { isInRanges } from '../../lib/base/values/values.js'
import { RequestMetrics } from '../../lib/observe/metrics/request-metrics.js'
import { Ejection } from '../../lib/outliers/ejection.js'
import { OutlierDetector } from '../../lib/outliers/outlier-detector.js'
import { UnresponsiveDetector } from '../../lib/outliers/unresponsive-detector.js'
import type { Backend } from '../../lib/pool/backend.js'
import { Registry } from '../../lib/pool/registry.js'
import { Forwarder } from '../../lib/proxy/forwarder.js'
import { sendLocalReply } from '../../lib/proxy/local-reply/local-reply.js'
import type { OutgoingRequest, ResponseHandler } from '../../lib/transport/backend-stream.js'
import { Client } from './client.js'
import { Attempt, errorOf } from './pool.js'
import type { Rules } from './rules.js'
import type { Setting } from './setting.js'

export const TICK_MS = 50
const STALL_MS = 250
/** Of the latencies: a request is hedged after so long. */
const HEDGE_MS = 200

/** The balancer from the arrival of a request to its answer, without sockets, over a clock that is moved by hand. */
export class World {
  readonly registry: Registry
  readonly clients: Client[] = []
  /** Checks of silent backends that are to be answered. */
  readonly checks: ((isWell: boolean) => void)[] = []
  /** The backend of each cookie that was given. */
  readonly cookies = new Map<string, Backend>()
  nowMs = 0
  readonly timers = new Timers(() => this.nowMs)
  readonly setting: Setting
  readonly #random: () => number
  readonly #forwarder: Forwarder
  #rules: Rules | undefined

  constructor(setting: Setting, random: () => number) {
    this.setting = setting
    this.#random = random
    const { config } = setting
    const { resilience } = config
    const registry = new Registry(config.backends, {
      createPool: ({ address }) => ({
        dispatch: (request, handler) => this.#dispatch(address, request, handler),
        close: async () => {},
        destroy: async () => {}
      }),
      initialState: config.healthCheck.enabled ? 'checking' : 'healthy',
      slowStartMs: resilience.slowStartMs,
      panic: resilience.panic
    })
    this.registry = registry
    const ejection = resilience.ejection ? new Ejection(registry) : undefined
    const outlierDetector = new OutlierDetector(registry, ejection)
    const unresponsiveDetector = setting.hasStalls ? this.#unresponsiveDetector(ejection) : undefined
    registry.on('tick', () => {
      ejection?.tick()
      outlierDetector.tick()
      unresponsiveDetector?.tick()
    })
    this.#forwarder = forwarderOf(registry, outlierDetector, unresponsiveDetector, setting)
  }

  /** Has rules watch over what happens. */
  watch(rules: Rules): void {
    this.#rules = rules
  }

  /** All that are not over. */
  open: Client[] = []

  get underWay(): Attempt[] {
    const found: Attempt[] = []
    for (const { attempts } of this.open)
      for (const attempt of attempts) if (attempt.isUnderWay) found.push(attempt)
    return found
  }

  /** How many attempts are under way at each backend. */
  countUnderWay(): number[] {
    const counts = this.registry.backends.map(() => 0)
    for (const { attempts } of this.open)
      for (const { isUnderWay, backend } of attempts) if (isUnderWay) counts[backend.id]!++
    return counts
  }

  /** A request arrives. */
  arrive(method: string, cookie: string | undefined): Client {
    const keptOn = cookie === undefined ? undefined : this.cookies.get(cookie)
    const client = new Client(this.clients.length, method, keptOn, cookie)
    this.clients.push(client)
    this.open.push(client)
    client.isStranded = this.registry.eligibleCount === 0
    client.idleSinceMs = this.nowMs
    const { req } = client
    const exchange = this.#forwarder.open(req, client, req.url!, `${client.id}`)
    if (exchange) {
      client.exchange = exchange
      exchange.start(() => {
        if (exchange.failure) sendLocalReply(req, client, exchange.failure)
        else exchange.writeHead()
      })
    }
    return client
  }

  /** The head of a response comes; where two backends were asked, the other one is left. */
  head(attempt: Attempt, status: number): void {
    const { client } = attempt
    // One with a status that is retried leaves the other to go on.
    const isRetried = isInRanges(this.setting.config.resilience.retryStatus, status)
    const losers =
      attempt.isSecond && !isRetried
        ? client.attempts.filter((other) => other !== attempt && other.isUnderWay)
        : []
    for (const other of losers) other.lose()
    attempt.head(status)
    if (losers.some(({ isDropped }) => !isDropped)) throw new Error('an attempt that lost goes on')
    const { cookieGiven } = client
    if (cookieGiven !== undefined) this.cookies.set(cookieGiven, attempt.backend)
  }

  /** Time passes, up to the next tick. */
  tick(): void {
    const untilMs = this.nowMs + TICK_MS
    for (let timer = this.timers.next(untilMs); timer; timer = this.timers.next(untilMs)) {
      this.nowMs = timer.dueMs
      timer.run()
    }
    this.nowMs = untilMs
    this.registry.tick(this.nowMs)
  }

  /** Answers that are whole are written to their end. */
  finishAnswers(): void {
    for (const client of this.open) if (client.isEnding) client.close()
    this.#forgetClosed()
  }

  /** A client leaves, without its answer or with a part of it. */
  abort(client: Client): void {
    const socket = client.req.socket as { destroyed: boolean }
    socket.destroyed = true
    client.close()
    this.#forgetClosed()
  }

  #forgetClosed(): void {
    if (this.open.some(({ isClosed }) => isClosed)) this.open = this.open.filter(({ isClosed }) => !isClosed)
  }

  #dispatch(address: string, { head }: OutgoingRequest, handler: ResponseHandler): void {
    const backend = this.registry.backends.find((backend) => backend.address === address)!
    const client = this.clients[Number(/\/(\d+) /.exec(head)![1])]!
    const isSecond = client.isAsking
    const isReused = this.#random() < 0.5 && !handler.needsNewConnection
    if (!handler.needsNewConnection && client.attempts.some(({ isStale }) => isStale))
      throw new Error(`client ${client.id} may meet another stale connection`)
    const attempt = new Attempt(client, backend, handler, client.attempts.length === 0, isSecond, isReused)
    this.#rules!.beforeAttempt(attempt)
    client.attempts.push(attempt)
    this.#rules!.afterAttempt(attempt)
    // An idle connection carries the request at once, and a lack of this machine shows as soon.
    if (this.#random() < 0.03) attempt.fail(errorOf('EMFILE'))
    else if (isReused) attempt.send()
  }

  #unresponsiveDetector(ejection: Ejection | undefined): UnresponsiveDetector {
    const probe = () =>
      this.setting.hasChecks
        ? new Promise<boolean>((resolve) => {
            this.checks.push(resolve)
          })
        : undefined
    return new UnresponsiveDetector(this.registry, ejection, { afterMs: STALL_MS, probe })
  }
}

interface Timer {
  readonly dueMs: number
  readonly run: () => void
}

/** Timers of a world's time. */
class Timers {
  readonly #timers = new Set<Timer>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  set(run: () => void, ms: number): Timer {
    const timer = { dueMs: this.#now() + ms, run }
    this.#timers.add(timer)
    return timer
  }

  clear(timer: Timer): void {
    this.#timers.delete(timer)
  }

  /** Takes out the first that is due by then. */
  next(untilMs: number): Timer | undefined {
    const [first] = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)
    if (!first || first.dueMs > untilMs) return undefined
    this.#timers.delete(first)
    return first
  }

  get size(): number {
    return this.#timers.size
  }
}

/** What forwards the requests of a world, of which nobody takes figures. */
function forwarderOf(
  registry: Registry,
  outlierDetector: OutlierDetector,
  unresponsiveDetector: UnresponsiveDetector | undefined,
  { config }: Setting
): Forwarder {
  const latency = { record() {}, quantileMs: () => HEDGE_MS } as unknown as LatencyWindow
  return new Forwarder(
    registry,
    { ...config, trusted: config.trustedProxies },
    {
      latency,
      outlierDetector,
      unresponsiveDetector,
      metrics: new RequestMetrics(registry),
      endListeners: [],
      tracing: undefined,
      onShortage() {},
      rejectRequest(req, res, failure, cell) {
        registry.counters.addTotal(cell, 1)
        sendLocalReply(req, res, failure)
      }
    }
  )
}
