import { EventEmitter } from 'node:events'
import type { BackendPool } from '../transport/backend-connections.js'
import { Backend, type BackendState, HEALTHY, STATES, WEIGHT_UNIT } from './backend.js'
import { BACKEND_CELLS, BackendCell, BalancerCell, Counters } from './counters.js'
import type { RegistryEvents } from './registry-events.js'
import { raiseWeight } from './slow-start.js'
import { type BackendConfig, hasSameConnectionOptions } from './spec/backend-spec.js'

/** How a registry manages its backends. */
export interface RegistryOptions {
  /** Creates the connection pool of a backend. */
  readonly createPool: (config: BackendConfig) => BackendPool
  /** The state of new backends. */
  readonly initialState: Extract<BackendState, 'checking' | 'healthy'>
  /** Duration of the slow start of a backend that becomes eligible again; 0 for none. */
  readonly slowStartMs?: number
  /** Whether unhealthy backends are eligible when no healthy one is left (panic mode). */
  readonly panic?: boolean
  readonly now?: () => Date
}

/**
 * The backends, in the order of the configuration, and the buffer of all counters: a row of cells for the balancer, then
 * one for each backend. Emits an event for every change.
 */
export class Registry extends EventEmitter<RegistryEvents> {
  readonly counters: Counters
  /** The time of the latest tick, in milliseconds of any monotonic clock. */
  tickMs = 0
  readonly #options: RegistryOptions
  readonly #now: () => Date
  readonly #slowStartMs: number
  readonly #mayPanic: boolean
  #backends: readonly Backend[]
  /** Removed backends with requests in flight. */
  readonly #removed = new Set<Backend>()
  /** Replaced pools with requests in flight. */
  readonly #closingPools = new Set<BackendPool>()
  #nextId: number

  constructor(configs: readonly BackendConfig[], options: RegistryOptions) {
    super()
    this.#options = options
    this.#now = options.now ?? (() => new Date())
    this.#slowStartMs = options.slowStartMs ?? 0
    this.#mayPanic = options.panic ?? false
    const cells = new Int32Array((configs.length + 1) * BACKEND_CELLS)
    this.counters = new Counters(cells, 0)
    this.#backends = configs.map((config, id) =>
      this.#create(id, config, new Counters(cells, (id + 1) * BACKEND_CELLS))
    )
    this.#nextId = configs.length
    this.#refresh(undefined, false)
  }

  /** In the order in which they were added. A new array after each change. */
  get backends(): readonly Backend[] {
    return this.#backends
  }

  /**
   * Adds a backend in its initial state, without a slow start.
   * @throws {Error} if there is one with that address
   */
  add(config: BackendConfig): Backend {
    if (this.backendAt(config.address)) throw new Error(`There is a backend ${config.address} already`)
    const backend = this.#create(this.#nextId++, config, new Counters(new Int32Array(BACKEND_CELLS), 0))
    this.#backends = [...this.#backends, backend]
    this.#refresh(undefined, false)
    this.emit('added', backend)
    return backend
  }

  /** Removes a backend. Its connections close when its requests in flight have ended. */
  remove(backend: Backend): void {
    if (!this.#backends.includes(backend)) return
    this.#backends = this.#backends.filter((other) => other !== backend)
    this.#removed.add(backend)
    backend.isRemoved = true
    backend.counters.set(BackendCell.eligible, 0)
    this.#refresh(undefined, false)
    this.emit('removed', backend)
  }

  /** Replaces the configuration of a backend, but for its address and protocol. */
  reconfigure(backend: Backend, config: BackendConfig): void {
    if (!hasSameConnectionOptions(backend.config, config)) this.#replacePool(backend, config)
    backend.configure(config)
    if (backend.slowStartSinceMs < 0)
      backend.counters.set(BackendCell.effectiveWeight, backend.weight * WEIGHT_UNIT)
    this.emit('reconfigured', backend)
  }

  /** The backend with this `host:port`. */
  backendAt(address: string): Backend | undefined {
    return this.#backends.find((backend) => backend.address === address)
  }

  /** Requests under way continue on the old connections. */
  #replacePool(backend: Backend, config: BackendConfig): void {
    const before = backend.pool
    backend.pool = this.#options.createPool(config)
    this.#closingPools.add(before)
    void before.close().then(() => this.#closingPools.delete(before))
  }

  #create(id: number, config: BackendConfig, counters: Counters): Backend {
    const { initialState, createPool } = this.#options
    counters.set(BackendCell.state, STATES.indexOf(initialState))
    return new Backend(id, config, counters, createPool(config), this.#now())
  }

  /** Proxied requests in flight. */
  get inFlight(): number {
    return this.counters.get(BalancerCell.inFlight)
  }

  get draining(): boolean {
    return this.counters.get(BalancerCell.draining) === 1
  }

  /** From now on the balancer is not ready, and closes clients' connections after their response. */
  startDraining(): void {
    this.counters.set(BalancerCell.draining, 1)
  }

  get panicking(): boolean {
    return this.counters.get(BalancerCell.panic) === 1
  }

  /** How many backends are eligible. */
  get eligibleCount(): number {
    let count = 0
    for (const backend of this.backends) if (backend.eligible) count++
    return count
  }

  /** Sets the health of a backend, unless an operator has forced it. The reason is for logs and statistics. */
  setState(backend: Backend, to: BackendState, reason: string): void {
    const from = backend.state
    if (from === to || backend.isRemoved || (backend.forcedHealth ?? to) !== to) return
    backend.counters.set(BackendCell.state, STATES.indexOf(to))
    backend.since = this.#now()
    backend.reason = reason
    // A new backend does not start slowly.
    this.#refresh(backend, from !== 'checking')
    this.emit('state', { backend, from, to, reason })
  }

  /**
   * Forces the health of a backend, whatever checks and failures say; undefined leaves it to them again, starting from
   * the current state.
   */
  force(backend: Backend, health: 'healthy' | 'unhealthy' | undefined, reason: string): void {
    if (backend.forcedHealth === health) return
    backend.forcedHealth = health
    if (health) this.setState(backend, health, reason)
    this.emit('forced', backend)
  }

  /** Ejects a backend, or ends its ejection. The caller checks the limits. */
  setEjected(backend: Backend, ejected: boolean, reason: string): void {
    if (backend.ejected === ejected || backend.isRemoved) return
    backend.counters.set(BackendCell.ejected, Number(ejected))
    if (ejected) backend.counters.addTotal(BackendCell.ejections, 1)
    this.#refresh(backend, true)
    this.emit('rotation', { backend, kind: ejected ? 'ejected' : 'returned', reason })
  }

  /** Drains a backend: no new requests, while those in flight end; or ends the drain. */
  setDraining(backend: Backend, draining: boolean, reason: string): void {
    if (backend.draining === draining || backend.isRemoved) return
    backend.counters.set(BackendCell.draining, Number(draining))
    this.#refresh(backend, true)
    this.emit('rotation', { backend, kind: draining ? 'draining' : 'drain ended', reason })
  }

  /** Updates what depends on time, by a monotonic clock. To be called every few dozen milliseconds. */
  tick(nowMs: number): void {
    this.tickMs = nowMs
    for (const backend of this.backends) {
      const { counters } = backend
      if (backend.hasAnsweredSinceTick) backend.lastAnswerMs = nowMs
      backend.hasAnsweredSinceTick = false
      const penalty = counters.get(BackendCell.penalty)
      if (penalty > 0) counters.add(BackendCell.penalty, (penalty >> 1) - penalty)
      if (backend.slowStartSinceMs >= 0) raiseWeight(backend, nowMs, this.#slowStartMs)
    }
    for (const backend of this.#removed) if (backend.active === 0) this.#destroyRemoved(backend)
    this.emit('tick', nowMs)
  }

  #destroyRemoved(backend: Backend): void {
    this.#removed.delete(backend)
    void backend.pool.destroy()
  }

  /**
   * Recomputes which backends are eligible.
   * @param changed the backend that has changed, if only one has
   * @param mayReturn whether it starts slowly if it has become eligible
   */
  #refresh(changed: Backend | undefined, mayReturn: boolean): void {
    const { counters } = this
    const backends = this.#backends
    const panic = this.#mayPanic && !backends.some(isAvailable)
    for (const backend of backends) {
      const eligible = panic ? !backend.draining : isAvailable(backend)
      const isReturn = backend === changed && mayReturn && eligible && !backend.eligible && !panic
      backend.counters.set(BackendCell.eligible, Number(eligible))
      if (isReturn) {
        backend.slowStartSinceMs = this.tickMs
        raiseWeight(backend, this.tickMs, this.#slowStartMs)
      }
    }
    if (panic === this.panicking) return
    counters.set(BalancerCell.panic, Number(panic))
    this.emit('panic', panic)
  }

  /**
   * Reports a failed attempt. A backend that could not be reached becomes unhealthy at once, unless it is the last
   * eligible one: an attempt at that costs less than refusing every request.
   */
  reportFailure(backend: Backend, code: string, detail: string, unreachable: boolean): void {
    backend.counters.addTotal(BackendCell.failed, 1)
    this.emit('failure', { backend, code, detail })
    if (!unreachable || backend.counters.get(BackendCell.state) !== HEALTHY) return
    if (backend.eligible && this.eligibleCount === 1) return
    backend.counters.set(BackendCell.consecutiveSuccesses, 0)
    this.setState(backend, 'unhealthy', detail)
  }

  /** Closes every connection to every backend. */
  async close(): Promise<void> {
    const pools = [...this.backends, ...this.#removed].map(({ pool }) => pool)
    await Promise.all([...pools, ...this.#closingPools].map((pool) => pool.destroy()))
  }
}

function isAvailable({ counters }: Backend): boolean {
  return (
    counters.get(BackendCell.state) === HEALTHY &&
    counters.get(BackendCell.ejected) === 0 &&
    counters.get(BackendCell.draining) === 0
  )
}
