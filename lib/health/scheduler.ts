import type { Resource } from '../base/shortage/resource.js'
import type { Backend, CheckResult } from '../pool/backend.js'
import type { Registry } from '../pool/registry.js'
import type { BackendConfig } from '../pool/spec/backend-spec.js'
import type { CheckPlan } from './check-plan.js'
import { eachLimit, type Timers } from './each-limit.js'
import { Flapping } from './flapping.js'
import type { WatchOwner } from './grpc-watch.js'
import { applyCheck, isTransitional } from './thresholds.js'

const JITTER = 0.1
/** In a transitional state a backend is checked after this part of its period, and after a second at the latest. */
const FAST_PERIOD_SHARE = 1 / 4
const MAX_FAST_PERIOD_MS = 1000
/** All backends are checked at once at the start, and nearly so after the network was down: the next checks spread. */
const SPREAD_AT_START = 1
const SPREAD_AFTER_FAST_CHECK = 0.5

export interface SchedulerOptions extends Partial<Timers> {
  readonly planOf: (backend: BackendConfig) => CheckPlan
  /** A backend passes its checks, but is held back as it flaps; `reason` of the backend says so. */
  readonly onDamped?: (backend: Backend) => void
  /** A check could not be made, as this machine is short of a resource. */
  readonly onShortage?: (missing: Resource) => void
  readonly random?: () => number
  /** In milliseconds, on a monotonic clock. */
  readonly now?: () => number
}

/** The checks of one backend. */
interface Schedule {
  readonly plan: CheckPlan
  flapping: Flapping
  timer: NodeJS.Timeout | undefined
  /** When the timer ends. */
  dueMs: number
  /** Whether the next check has been brought forward. */
  soon: boolean
  /** The check under way. */
  running: Promise<void> | undefined
  /** The part of the next period that may be skipped, so that not all backends are checked at once. */
  spread: number
}

/**
 * Checks each backend on its own timer, so that a slow one delays no other. The next check of a backend is scheduled when
 * the last one has ended: checks of one backend never overlap. Those of many are spread over the period.
 */
export class HealthScheduler {
  readonly #registry: Registry
  readonly #options: SchedulerOptions
  readonly #schedules = new Map<Backend, Schedule>()
  readonly #timers: Timers
  readonly #random: () => number
  readonly #now: () => number
  /** Those whose next check is that of a predecessor. */
  readonly #followed = new Set<Backend>()
  #stopped = false

  constructor(registry: Registry, options: SchedulerOptions) {
    this.#registry = registry
    this.#options = options
    this.#timers = {
      setTimeout: options.setTimeout ?? setTimeout,
      clearTimeout: options.clearTimeout ?? clearTimeout
    }
    this.#random = options.random ?? Math.random
    this.#now = options.now ?? (() => performance.now())
  }

  /**
   * To be called before the start.
   * @param predecessor has checked backends of these addresses in the same way: they are checked when it would have done so
   */
  follow(predecessor: HealthScheduler): void {
    const schedules = new Map([...predecessor.#schedules].map(([{ address }, before]) => [address, before]))
    for (const backend of this.#registry.backends) {
      const before = schedules.get(backend.address)
      if (!before) continue
      const schedule = this.#scheduleOf(backend)
      schedule.flapping = before.flapping
      // A watch begins with a check, and one that is under way has no result.
      if (schedule.plan.watch || !before.timer || backend.state === 'checking') continue
      schedule.soon = before.soon
      schedule.spread = before.spread
      this.#checkIn(backend, schedule, before.dueMs - this.#now())
      this.#followed.add(backend)
    }
  }

  /**
   * Checks all backends, a limited number at once, and goes on from there. Those that are not checked are healthy at once.
   * Resolves when the first check of each has ended.
   */
  async start(): Promise<void> {
    const backends = this.#registry.backends.filter((backend) => !this.#followed.has(backend))
    this.#followed.clear()
    const checked = backends.filter((backend) => !this.#scheduleOf(backend).plan.recoveryOnly)
    for (const backend of backends) if (!checked.includes(backend)) this.#beginUnchecked(backend)
    await eachLimit(checked, (backend) => this.#check(backend), this.#timers)
  }

  /** Starts to check a backend that has joined. */
  add(backend: Backend): void {
    if (this.#stopped) return
    if (this.#scheduleOf(backend).plan.recoveryOnly) this.#beginUnchecked(backend)
    else void this.#check(backend)
  }

  /** It is checked only to return. */
  #beginUnchecked(backend: Backend): void {
    if (backend.state === 'unhealthy') this.#schedule(backend, true)
    else this.#registry.setState(backend, 'healthy', 'taken for healthy, as it is not checked')
  }

  /** Stops checking a backend. */
  remove(backend: Backend): void {
    const schedule = this.#schedules.get(backend)
    this.#timers.clearTimeout(schedule?.timer)
    schedule?.plan.watch?.stop()
    this.#schedules.delete(backend)
  }

  /** Brings the next check of a backend forward, as its state may have changed. */
  checkSoon(backend: Backend): void {
    const { plan, running, soon } = this.#scheduleOf(backend)
    if (this.#stopped || running) return
    // If each failure postponed it, it would never come while failures go on.
    if (soon) return
    // It is checked only while it is unhealthy.
    if (plan.recoveryOnly && backend.eligible) return
    this.#schedule(backend, true)
  }

  /** To be called when the address behind a backend's name changes: its health there may differ. */
  onAddressChange(backend: Backend): void {
    this.#scheduleOf(backend).plan.watch?.reconnect()
    this.checkSoon(backend)
  }

  /** To be called when a healthy backend turns unhealthy, for whatever reason. */
  recordFall(backend: Backend): void {
    this.#scheduleOf(backend).flapping.recordFall()
  }

  stop(): void {
    this.#stopped = true
    for (const { timer, plan } of this.#schedules.values()) {
      this.#timers.clearTimeout(timer)
      plan.watch?.stop()
    }
  }

  /**
   * A status that the backend reports itself is no chance failure: NOT_SERVING counts at once, whatever `fall` says, and
   * SERVING is confirmed by a check at once.
   */
  #onStatus(backend: Backend, { plan, flapping }: Schedule, result: CheckResult): void {
    if (backend.state === (result.ok ? 'healthy' : 'unhealthy')) return
    applyCheck(this.#registry, backend, result, { ...plan, fall: 1 }, flapping)
    if (result.ok && !backend.eligible) void this.#check(backend)
    else if (!this.#scheduleOf(backend).running) this.#schedule(backend, isTransitional(backend))
  }

  /** Resolves when it has been checked; the check may be under way already. */
  async #check(backend: Backend): Promise<void> {
    // At the start it may have left while it waited for the checks of others.
    if (this.#stopped || backend.isRemoved) return
    const schedule = this.#scheduleOf(backend)
    schedule.running ??= this.#run(backend, schedule)
    await schedule.running
  }

  async #run(backend: Backend, schedule: Schedule): Promise<void> {
    const { plan, flapping } = schedule
    this.#unschedule(schedule)
    const result = await plan.probe(backend)
    schedule.running = undefined
    // It may have left meanwhile, or be checked in another way.
    if (this.#stopped || this.#schedules.get(backend) !== schedule) return
    if (result.missing) {
      this.#options.onShortage?.(result.missing)
      this.#schedule(backend, true)
      return
    }
    const { state, reason } = backend
    applyCheck(this.#registry, backend, result, plan, flapping)
    if (result.ok && backend.state === state && backend.reason !== reason) this.#options.onDamped?.(backend)
    if (plan.recoveryOnly && backend.eligible) return
    this.#schedule(backend, isTransitional(backend) || plan.recoveryOnly)
  }

  #schedule(backend: Backend, soon: boolean): void {
    const schedule = this.#scheduleOf(backend)
    this.#unschedule(schedule)
    const { periodMs, downPeriodMs } = schedule.plan
    const regularMs = backend.state === 'unhealthy' ? downPeriodMs : periodMs
    const delayMs = soon
      ? Math.min(MAX_FAST_PERIOD_MS, periodMs * FAST_PERIOD_SHARE, regularMs)
      : regularMs * this.#shareOf(backend, schedule)
    schedule.spread = soon ? SPREAD_AFTER_FAST_CHECK : 0
    schedule.soon = soon
    this.#checkIn(backend, schedule, this.#jittered(delayMs))
  }

  #checkIn(backend: Backend, schedule: Schedule, delayMs: number): void {
    schedule.dueMs = this.#now() + delayMs
    schedule.timer = this.#timers.setTimeout(() => void this.#check(backend), delayMs)
    schedule.timer.unref?.()
  }

  /** The part of the period until the next check, by the backend's position among the others. */
  #shareOf(backend: Backend, { spread }: Schedule): number {
    const { length } = this.#registry.backends
    return 1 - spread * (1 - ((backend.id % length) + 1) / length)
  }

  #unschedule(schedule: Schedule): void {
    this.#timers.clearTimeout(schedule.timer)
    schedule.timer = undefined
    schedule.soon = false
  }

  #jittered(delayMs: number): number {
    return delayMs * (1 - JITTER + 2 * JITTER * this.#random())
  }

  #watchOwner(backend: Backend, schedule: Schedule): WatchOwner {
    return {
      onStatus: (result) => this.#onStatus(backend, schedule, result),
      onLost: () => this.checkSoon(backend)
    }
  }

  #scheduleOf(backend: Backend): Schedule {
    let schedule = this.#schedules.get(backend)
    if (!schedule) {
      const plan = this.#options.planOf(backend.config)
      const flapping = new Flapping(plan.periodMs, this.#now)
      schedule = {
        ...{ plan, flapping, timer: undefined, dueMs: 0, soon: false, running: undefined },
        spread: SPREAD_AT_START
      }
      this.#schedules.set(backend, schedule)
      if (plan.watch) plan.watch.owner = this.#watchOwner(backend, schedule)
    }
    return schedule
  }
}
