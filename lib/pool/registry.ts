import { EventEmitter } from 'node:events'
import type { Counters } from '../base/cells/counters.js'
import { OWN_CELLS } from '../base/cells/shared-cells.js'
import { type Backend, type BackendState, STATES } from './backend.js'
import { BackendFactory } from './backend-factory.js'
import { applyFailure } from './backend-failure.js'
import { BackendIndex } from './backend-index.js'
import { raiseWeight, tickBackend } from './backend-tick.js'
import { PoolBlock } from './cell-block.js'
import { BackendCell, BalancerCell } from './cells.js'
import { ClosingConnections } from './closing-connections.js'
import { updateEligibility } from './eligibility.js'
import type { RegistryEvents } from './registry-events.js'
import type { RegistryOptions } from './registry-options.js'
import { type BackendConfig, hasSameConnectionOptions } from './spec/backend-spec.js'

/**
 * The backends, in the order of the configuration, and the counters of all: a row of cells for the balancer, and one for
 * each backend. Emits an event for every change.
 */
export class Registry extends EventEmitter<RegistryEvents> {
  /** The cells of the pool as a whole, and the counters in them. */
  readonly block: PoolBlock
  readonly counters: Counters
  /** The time of the latest tick, in milliseconds of any monotonic clock. */
  tickMs = 0
  readonly #options: RegistryOptions
  readonly #now: () => Date
  readonly #index: BackendIndex
  readonly #factory: BackendFactory
  readonly #closing = new ClosingConnections((backend) => this.#factory.forget(backend))
  #successor: Registry | undefined
  #isRetired = false

  /** @param predecessor a backend that it has too goes on with its counters, health and orders, over new connections */
  constructor(configs: readonly BackendConfig[], options: RegistryOptions, predecessor?: Registry) {
    super()
    this.setMaxListeners(0)
    this.#options = options
    this.#now = options.now ?? currentTime
    this.block = predecessor?.block ?? new PoolBlock(options.cells ?? OWN_CELLS)
    this.counters = this.block.counters
    this.tickMs = predecessor?.tickMs ?? 0
    this.#factory = new BackendFactory(options, this.#now, predecessor ? predecessor.#factory : undefined)
    const created = configs.map((config, index) => {
      const before = predecessor?.backendAt(config.address)
      return this.#factory.create(config, options.following?.ids[index], before)
    })
    this.#index = new BackendIndex(created)
    this.#refresh(undefined, false)
  }

  /**
   * Ends the requests that it has, and decides nothing any more.
   * @param successor what has taken its place, if anything has
   */
  retire(successor?: Registry): void {
    this.#successor = successor
    this.#isRetired = true
    this.emit('retired')
  }

  /** In the order in which they were added. A new array after each change. */
  get backends(): readonly Backend[] {
    return this.#index.all
  }

  /** @see update */
  add(config: BackendConfig): Backend {
    return this.update([config], [])[0]!
  }

  /** Removes a backend. Its connections close when its requests in flight have ended. */
  remove(backend: Backend): void {
    this.update([], [backend])
  }

  /**
   * Removes backends, and adds others in their initial state without a slow start, as one change. One that is removed may
   * have the address of one that is added.
   * @param ids of those that are added; new ones if absent
   * @returns those that were added, in that order
   * @throws {Error} if there is one with an address that is to be added
   */
  update(added: readonly BackendConfig[], removed: readonly Backend[], ids?: readonly number[]): Backend[] {
    const leaving = new Set(removed.filter((backend) => this.#index.has(backend)))
    for (const { address } of added) {
      const existing = this.backendAt(address)
      if (existing && !leaving.has(existing)) throw new Error(`There is a backend ${address} already`)
    }
    if (leaving.size > 0) this.#index.remove(leaving)
    for (const backend of leaving) {
      this.#closing.addBackend(backend)
      backend.isRemoved = true
      if (this.#decides) backend.counters.set(BackendCell.eligible, 0)
    }
    const joining = added.map((config, index) => this.#factory.create(config, ids?.[index]))
    for (const backend of joining) backend.addedMs = this.tickMs
    if (joining.length > 0) this.#index.add(joining)
    if (leaving.size + joining.length === 0) return joining
    this.#refresh(undefined, false)
    for (const backend of leaving) this.emit('removed', backend)
    for (const backend of joining) this.emit('added', backend)
    this.emit('members')
    return joining
  }

  /** Replaces the configuration of a backend, but for its address and protocol. */
  reconfigure(backend: Backend, config: BackendConfig): void {
    if (!hasSameConnectionOptions(backend.config, config)) {
      // Requests under way continue on the old connections.
      this.#closing.addPool(backend.pool)
      backend.pool = this.#options.createPool(config)
    }
    backend.configure(config)
    if (this.#decides) backend.publish()
    this.emit('reconfigured', backend)
  }

  /** The backend with this `host:port`. */
  backendAt(address: string): Backend | undefined {
    return this.#index.at(address)
  }

  backendWithId(id: number): Backend | undefined {
    return this.#index.withId(id)
  }

  /** Whether what becomes of the backends is decided here. */
  get #decides(): boolean {
    return !this.#isRetired && !this.#options.following
  }

  /** Proxied requests in flight. */
  get inFlight(): number {
    return this.counters.sum(BalancerCell.inFlight)
  }

  /** Whether nothing is in flight, and nothing of a backend changes with time. */
  get isQuiet(): boolean {
    return this.inFlight === 0 && !this.backends.some(({ isChanging }) => isChanging)
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

  get eligibleCount(): number {
    return this.backends.filter(({ eligible }) => eligible).length
  }

  /** Sets the health of a backend, unless an operator has forced it. The reason is for logs and statistics. */
  setState(backend: Backend, to: BackendState, reason: string): void {
    const from = backend.state
    if (from === to || !this.#decides || backend.isRemoved || (backend.forcedHealth ?? to) !== to) return
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
    if (backend.ejected === ejected || !this.#decides || backend.isRemoved) return
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
      backend.noteAnswers(nowMs)
      if (this.#decides) tickBackend(backend, nowMs, this.#options.slowStartMs)
    }
    this.#closing.tick()
    this.emit('tick', nowMs)
  }

  /**
   * Recomputes which backends are eligible.
   * @param changed the backend that has changed, if only one has
   * @param mayReturn whether it starts slowly if it has become eligible
   */
  #refresh(changed: Backend | undefined, mayReturn: boolean): void {
    if (!this.#decides) return
    const wasEligible = changed?.eligible
    const panic = updateEligibility(this.backends, this.#options.panic ?? false)
    if (changed?.eligible && !wasEligible && mayReturn && !panic) {
      changed.slowStartSinceMs = this.tickMs
      raiseWeight(changed, this.tickMs, this.#options.slowStartMs)
    }
    if (panic === this.panicking) return
    this.counters.set(BalancerCell.panic, Number(panic))
    this.emit('panic', panic)
  }

  /** Reports a failed attempt, which may make the backend unhealthy. */
  reportFailure(backend: Backend, code: string, detail: string, unreachable: boolean): void {
    if (this.#isRetired) {
      const heir = this.#successor?.backendAt(backend.address)
      if (heir) this.#successor!.reportFailure(heir, code, detail, unreachable)
      return
    }
    backend.counters.addTotal(BackendCell.failed, 1)
    const { following } = this.#options
    if (following) following.reportFailure(backend.id, code, detail, unreachable)
    else applyFailure(this, backend, code, detail, unreachable)
  }

  /** Closes every connection to every backend. */
  async close(): Promise<void> {
    await Promise.all([...this.backends.map(({ pool }) => pool.destroy()), this.#closing.destroy()])
  }
}

// In the constructor it would keep all that is known there: the predecessor, and with it each that was before that.
const currentTime = () => new Date()
