import type { BackendConfig } from './config/backends.js'
import { BackendCell, type Counters } from './counters.js'
import type { BackendPool } from './pool.js'

/** `checking` until the first check has ended; only `healthy` backends are given requests. */
export const STATES = ['checking', 'healthy', 'unhealthy'] as const
export type BackendState = (typeof STATES)[number]
export const HEALTHY = STATES.indexOf('healthy')

/** The outcome of the latest health check. */
export interface CheckResult {
  readonly at: Date
  readonly ok: boolean
  /** What the check saw: `status 200`, `connection refused`, … */
  readonly result: string
  readonly latencyMs: number
}

/** One backend: its configuration, its pool, and its state, which lives in the counters' cells. */
export class Backend {
  /** Since when the state holds, and why: set by the registry together with the state. */
  since: Date
  reason: string
  lastCheck: CheckResult | undefined

  constructor(
    readonly id: number,
    readonly config: BackendConfig,
    readonly counters: Counters,
    readonly pool: BackendPool,
    now: Date
  ) {
    this.since = now
    this.reason = this.eligible ? 'taken for healthy at the start' : 'not checked yet'
    counters.set(BackendCell.weight, config.weight)
  }

  get address(): string {
    return this.config.address
  }

  /** The origin as a URL without a trailing slash. */
  get origin(): string {
    return `${this.config.protocol}//${this.config.address}`
  }

  get state(): BackendState {
    return STATES[this.counters.get(BackendCell.state)]!
  }

  /** Whether it may be given requests. */
  get eligible(): boolean {
    return this.counters.get(BackendCell.state) === HEALTHY
  }

  get weight(): number {
    return this.counters.get(BackendCell.weight)
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
