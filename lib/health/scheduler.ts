import type { Backend } from '../backend.js'
import type { Registry } from '../registry.js'
import type { Probe } from './probe.js'
import { applyCheck, isInDoubt, type Thresholds } from './verdict.js'

const JITTER = 0.1
const IN_DOUBT_PERIOD_MS = 1000

export interface SchedulerOptions extends Thresholds {
  readonly periodMs: number
  readonly probe: Probe
  /** Check only backends that are unhealthy, to find out when they are back. */
  readonly recoveryOnly: boolean
  readonly random?: () => number
  readonly setTimeout?: typeof setTimeout
  readonly clearTimeout?: typeof clearTimeout
}

/**
 * Checks every backend by itself, so that a slow one delays no other. The next check of a backend is set when its
 * last one has ended: checks of one backend never overlap.
 */
export class HealthScheduler {
  readonly #registry: Registry
  readonly #options: SchedulerOptions
  readonly #timers = new Map<Backend, { readonly timer: NodeJS.Timeout; readonly soon: boolean }>()
  readonly #running = new Set<Backend>()
  readonly #setTimeout: typeof setTimeout
  readonly #clearTimeout: typeof clearTimeout
  readonly #random: () => number
  #stopped = false

  constructor(registry: Registry, options: SchedulerOptions) {
    this.#registry = registry
    this.#options = options
    this.#setTimeout = options.setTimeout ?? setTimeout
    this.#clearTimeout = options.clearTimeout ?? clearTimeout
    this.#random = options.random ?? Math.random
  }

  /** Checks all backends at once and goes on from there. Resolves when the first check of each has ended. */
  async start(): Promise<void> {
    if (this.#options.recoveryOnly) return
    await Promise.all(this.#registry.backends.map((backend) => this.#check(backend)))
  }

  /** Brings the next check of a backend forward: something was seen that makes its state doubtful. */
  checkSoon(backend: Backend): void {
    if (this.#stopped || this.#running.has(backend)) return
    // Put off by each failure, it would never come while they go on.
    if (this.#timers.get(backend)?.soon) return
    this.#schedule(backend, true)
  }

  stop(): void {
    this.#stopped = true
    for (const { timer } of this.#timers.values()) this.#clearTimeout(timer)
    this.#timers.clear()
  }

  async #check(backend: Backend): Promise<void> {
    this.#running.add(backend)
    this.#unschedule(backend)
    const result = await this.#options.probe(backend)
    this.#running.delete(backend)
    if (this.#stopped) return
    applyCheck(this.#registry, backend, result, this.#options)
    if (this.#options.recoveryOnly && backend.eligible) return
    this.#schedule(backend, isInDoubt(backend) || this.#options.recoveryOnly)
  }

  #schedule(backend: Backend, soon: boolean): void {
    this.#unschedule(backend)
    const { periodMs } = this.#options
    const delayMs = this.#jittered(soon ? Math.min(IN_DOUBT_PERIOD_MS, periodMs) : periodMs)
    const timer = this.#setTimeout(() => void this.#check(backend), delayMs)
    timer.unref?.()
    this.#timers.set(backend, { timer, soon })
  }

  #unschedule(backend: Backend): void {
    this.#clearTimeout(this.#timers.get(backend)?.timer)
    this.#timers.delete(backend)
  }

  #jittered(delayMs: number): number {
    return delayMs * (1 - JITTER + 2 * JITTER * this.#random())
  }
}
