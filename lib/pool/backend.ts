import type { Resource } from '../base/shortage/resource.js'
import type { BackendPool } from '../transport/backend-connections.js'
import { originOf } from '../transport/origin.js'
import { BackendCell, type Counters } from './counters.js'
import type { BackendConfig } from './spec/backend-spec.js'

/** What the health checks know: `checking` until the first has ended. Only `healthy` backends are given requests. */
export const STATES = ['checking', 'healthy', 'unhealthy'] as const
export type BackendState = (typeof STATES)[number]
export const HEALTHY = STATES.indexOf('healthy')

/** What is shown of a backend: its state, or what keeps a healthy one out all the same. */
export type BackendStatus = BackendState | 'ejected' | 'draining'

/** Effective weights are in hundredths, so that a slow start has steps. */
export const WEIGHT_UNIT = 100

/** The outcome of the latest health check. */
export interface CheckResult {
  readonly at: Date
  readonly ok: boolean
  /** What the check saw: `status 200`, `connection refused`, … */
  readonly result: string
  readonly latencyMs: number
  /** What this machine lacked to make the check, so that it says nothing of the backend. */
  readonly missing?: Resource
}

/** One backend: its configuration, its pool, and its state, which lives in the counters' cells. */
export class Backend {
  /** Since when the state holds, and why: set by the registry together with the state. */
  since: Date
  reason: string
  lastCheck: CheckResult | undefined
  /** Whether it has answered anything since the latest tick. Of this thread: so are its connections. */
  hasAnsweredSincePulse = false
  /** The latest tick by which it had. */
  lastAnswerMs = 0
  /** The state that an operator has set, which neither checks nor failures change; set by the registry. */
  forcedHealth: 'healthy' | 'unhealthy' | undefined
  /** It is none of the registry's any more, and may still have requests. */
  isRemoved = false
  /** When it last came back after an absence, on the same clock, or -1 if it is not starting slowly. */
  slowStartSinceMs = -1
  /** Set by the registry. */
  pool: BackendPool

  #config: BackendConfig

  constructor(
    readonly id: number,
    config: BackendConfig,
    readonly counters: Counters,
    pool: BackendPool,
    now: Date
  ) {
    this.#config = config
    this.pool = pool
    this.since = now
    this.reason = this.state === 'healthy' ? 'taken for healthy at the start' : 'not checked yet'
    this.configure(config)
    counters.set(BackendCell.effectiveWeight, config.weight * WEIGHT_UNIT)
  }

  get config(): BackendConfig {
    return this.#config
  }

  /** For the registry, which tells of the change. */
  configure(config: BackendConfig): void {
    this.#config = config
    this.counters.set(BackendCell.weight, config.weight)
    this.counters.set(BackendCell.max, config.max)
  }

  get address(): string {
    return this.config.address
  }

  /** The origin as a URL without a trailing slash. */
  get origin(): string {
    return originOf(this.config)
  }

  get state(): BackendState {
    return STATES[this.counters.get(BackendCell.state)]!
  }

  get status(): BackendStatus {
    if (this.draining) return 'draining'
    const { state } = this
    return state === 'healthy' && this.ejected ? 'ejected' : state
  }

  /** Whether it may be given requests, if it has room. */
  get eligible(): boolean {
    return this.counters.get(BackendCell.eligible) === 1
  }

  /** Whether it can take one more request. */
  get hasRoom(): boolean {
    const max = this.counters.get(BackendCell.max)
    return max === 0 || this.counters.get(BackendCell.active) < max
  }

  get ejected(): boolean {
    return this.counters.get(BackendCell.ejected) === 1
  }

  get draining(): boolean {
    return this.counters.get(BackendCell.draining) === 1
  }

  get weight(): number {
    return this.counters.get(BackendCell.weight)
  }

  /** The weight of now, in units of `1 / WEIGHT_UNIT`. */
  get effectiveWeight(): number {
    return this.counters.get(BackendCell.effectiveWeight)
  }

  /** What selection compares: the requests in flight, and what its recent errors count as. */
  get load(): number {
    return this.counters.get(BackendCell.active) + this.counters.get(BackendCell.penalty)
  }

  /** Requests that it is working on. */
  get active(): number {
    return this.counters.get(BackendCell.active)
  }

  /** Takes a slot. Each is to be given back by exactly one `release()`. */
  acquire(): void {
    this.counters.add(BackendCell.active, 1)
    this.counters.addTotal(BackendCell.total, 1)
  }

  release(): void {
    this.counters.add(BackendCell.active, -1)
  }
}
