import type { Counters } from '../base/cells/counters.js'
import type { Resource } from '../base/shortage/resource.js'
import type { BackendPool } from '../transport/backend-connections.js'
import { originOf } from '../transport/origin.js'
import type { CellBlock } from './cell-block.js'
import { BackendCell } from './cells.js'
import type { RequestMeasures } from './request-measures.js'
import type { BackendConfig } from './spec/backend-spec.js'

/** The state of health: `checking` until the first check has ended. Only `healthy` backends are eligible. */
export const STATES = ['checking', 'healthy', 'unhealthy'] as const
export type BackendState = (typeof STATES)[number]
export const HEALTHY = STATES.indexOf('healthy')

/** The state that is shown: that of health, or why a healthy backend gets no new requests. */
export type BackendStatus = BackendState | 'ejected' | 'draining' | 'terminating'

/** Effective weights are in hundredths, for the steps of a slow start. */
export const WEIGHT_UNIT = 100

/** The result of a health check. */
export interface CheckResult {
  readonly at: Date
  readonly ok: boolean
  /** What the check saw: `status 200`, `connection refused`, … */
  readonly result: string
  readonly latencyMs: number
  /** The resource of this machine that the check failed for: then it says nothing about the backend. */
  readonly missing?: Resource
}

/** A backend: its configuration, its connections, and its state, which is stored in counters. */
export class Backend {
  /** When and why the state was entered; set by the registry. */
  since: Date
  reason: string
  lastCheck: CheckResult | undefined
  /** Whether it has responded since the latest tick. Of this thread alone, as its connections are. */
  hasAnsweredSinceTick = false
  /** The latest tick before which it had responded. */
  lastAnswerMs = 0
  /** The state that an operator has forced, which neither checks nor failures change; set by the registry. */
  forcedHealth: 'healthy' | 'unhealthy' | undefined
  /** Where it comes from: a list, or the URL of a source; set by discovery, in the thread that decides. */
  source = ''
  /** It was removed from the registry, but may still have requests in flight. */
  isRemoved = false
  /** The latest tick before it was added; set by the registry, unless it had it from the start. */
  addedMs = Number.NEGATIVE_INFINITY
  /** The tick at which its slow start began, or -1. */
  slowStartSinceMs = -1
  /** Its connections; set by the registry. */
  pool: BackendPool
  readonly counters: Counters

  #config: BackendConfig

  constructor(
    readonly id: number,
    config: BackendConfig,
    readonly block: CellBlock,
    pool: BackendPool,
    now: Date
  ) {
    this.#config = config
    this.counters = block.counters
    this.pool = pool
    this.since = now
    this.reason = this.state === 'healthy' ? 'taken for healthy at the start' : 'not checked yet'
  }

  /** Goes on where the same backend of another registry is, whose counters it has. */
  follow({ since, reason, lastCheck, lastAnswerMs, forcedHealth, slowStartSinceMs }: Backend): void {
    this.since = since
    this.reason = reason
    this.lastCheck = lastCheck
    this.lastAnswerMs = lastAnswerMs
    this.forcedHealth = forcedHealth
    this.slowStartSinceMs = slowStartSinceMs
  }

  get config(): BackendConfig {
    return this.#config
  }

  /** Replaces the configuration. Called by the registry, which emits the event. */
  configure(config: BackendConfig): void {
    this.#config = config
  }

  /** Has all threads know its weight and limit. */
  publish(): void {
    const { weight, max } = this.#config
    this.counters.set(BackendCell.weight, weight)
    this.counters.set(BackendCell.max, max)
    if (this.slowStartSinceMs < 0) this.counters.set(BackendCell.effectiveWeight, weight * WEIGHT_UNIT)
  }

  /** Takes note of whether it has responded since the latest tick. */
  noteAnswers(nowMs: number): void {
    if (this.hasAnsweredSinceTick) this.lastAnswerMs = nowMs
    this.hasAnsweredSinceTick = false
  }

  /** How its requests ended, and how long its responses took: from the end of a request to the head of its response. */
  get measures(): RequestMeasures {
    return this.block.measures
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
    if (state !== 'healthy') return state
    if (this.ejected) return 'ejected'
    return this.isTerminating ? 'terminating' : 'healthy'
  }

  /** Whether it may be given requests, up to its limit. */
  get eligible(): boolean {
    return this.counters.get(BackendCell.eligible) === 1
  }

  /** Whether it is about to end: it is given new requests only while no other backend is eligible. */
  get isTerminating(): boolean {
    return this.#config.isTerminating === true
  }

  /** Whether nothing stands against giving it requests. */
  get isAvailable(): boolean {
    return this.counters.get(BackendCell.state) === HEALTHY && !this.ejected && !this.draining
  }

  /** Whether it changes with time: its slow start, or the penalty for its errors. */
  get isChanging(): boolean {
    return this.slowStartSinceMs >= 0 || this.counters.get(BackendCell.penalty) > 0
  }

  /** Whether it is below its limit of requests in flight. */
  get hasRoom(): boolean {
    const max = this.counters.get(BackendCell.max)
    return max === 0 || this.counters.sum(BackendCell.active) < max
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

  /** The current weight, in units of `1 / WEIGHT_UNIT`: less than configured during a slow start. */
  get effectiveWeight(): number {
    return this.counters.get(BackendCell.effectiveWeight)
  }

  /** What selection compares: requests in flight, plus a penalty for recent errors. */
  get load(): number {
    return this.counters.sum(BackendCell.active) + this.counters.get(BackendCell.penalty)
  }

  /** Requests in flight. */
  get active(): number {
    return this.counters.sum(BackendCell.active)
  }

  /** Counts a request in flight unless it has as many as it may have. Each needs exactly one `release()`. */
  acquire(): boolean {
    const { counters } = this
    const max = counters.get(BackendCell.max)
    if (max === 0) counters.change(BackendCell.active, 1)
    else if (!counters.acquire(BackendCell.active, max)) return false
    counters.addTotal(BackendCell.total, 1)
    return true
  }

  /** Counts its end. */
  release(): void {
    this.counters.change(BackendCell.active, -1)
  }
}
