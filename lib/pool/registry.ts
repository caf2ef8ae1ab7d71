import { EventEmitter } from 'node:events'
import type { Counters } from '../base/cells/counters.js'
import { OWN_CELLS } from '../base/cells/shared-cells.js'
import { Backend, type BackendState, STATES } from './backend.js'
import { applyFailure } from './backend-failure.js'
import { raiseWeight, tickBackend } from './backend-tick.js'
import { backendBlock, CellBlock, PoolBlock } from './cell-block.js'
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
  readonly #slowStartMs: number
  #backends: readonly Backend[]
  readonly #closing = new ClosingConnections(({ id }) => this.#options.cells?.forget(backendBlock(id)))
  #nextId: number
  #successor: Registry | undefined
  #isRetired = false

  /** @param predecessor a backend that it has too goes on with its counters, health and orders, over new connections */
  constructor(configs: readonly BackendConfig[], options: RegistryOptions, predecessor?: Registry) {
    super()
    this.setMaxListeners(0)
    this.#options = options
    this.#now = options.now ?? currentTime
    this.#slowStartMs = options.slowStartMs ?? 0
    this.block = predecessor?.block ?? new PoolBlock(options.cells ?? OWN_CELLS)
    this.counters = this.block.counters
    this.tickMs = predecessor?.tickMs ?? 0
    this.#nextId = predecessor ? predecessor.#nextId : 0
    this.#backends = configs.map((config, index) => {
      const same = predecessor?.backendAt(config.address)
      const before = same?.config.protocol === config.protocol ? same : undefined
      const id = options.following?.ids[index] ?? before?.id ?? this.#nextId++
      return this.#create(id, config, before?.id === id ? before : undefined)
    })
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
    return this.#backends
  }

  /**
   * Adds a backend in its initial state, without a slow start.
   * @throws {Error} if there is one with that address
   */
  add(config: BackendConfig, id = this.#nextId++): Backend {
    if (this.backendAt(config.address)) throw new Error(`There is a backend ${config.address} already`)
    const backend = this.#create(id, config)
    backend.addedMs = this.tickMs
    this.#backends = [...this.#backends, backend]
    this.#refresh(undefined, false)
    this.emit('added', backend)
    return backend
  }

  /** Removes a backend. Its connections close when its requests in flight have ended. */
  remove(backend: Backend): void {
    if (!this.#backends.includes(backend)) return
    this.#backends = this.#backends.filter((other) => other !== backend)
    this.#closing.addBackend(backend)
    backend.isRemoved = true
    if (this.#decides) backend.counters.set(BackendCell.eligible, 0)
    this.#refresh(undefined, false)
    this.emit('removed', backend)
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
    return this.#backends.find((backend) => backend.address === address)
  }

  backendWithId(id: number): Backend | undefined {
    return this.#backends.find((backend) => backend.id === id)
  }

  /** Whether what becomes of the backends is decided here. */
  get #decides(): boolean {
    return !this.#isRetired && !this.#options.following
  }

  #create(id: number, config: BackendConfig, before?: Backend): Backend {
    const { initialState, createPool, cells = OWN_CELLS } = this.#options
    const block = before?.block ?? new CellBlock(cells, backendBlock(id))
    if (!before && this.#decides) block.counters.set(BackendCell.state, STATES.indexOf(initialState))
    const backend = new Backend(id, config, block, createPool(config), this.#now())
    if (before) backend.follow(before)
    if (this.#decides) backend.publish()
    return backend
  }

  /** Proxied requests in flight. */
  get inFlight(): number {
    return this.counters.sum(BalancerCell.inFlight)
  }

  /** Whether nothing is in flight, and nothing of a backend changes with time. */
  get isQuiet(): boolean {
    return this.inFlight === 0 && !this.#backends.some(({ isChanging }) => isChanging)
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
    for (const { eligible } of this.backends) if (eligible) count++
    return count
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
    for (const backend of this.#backends) {
      backend.noteAnswers(nowMs)
      if (this.#decides) tickBackend(backend, nowMs, this.#slowStartMs)
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
    const panic = updateEligibility(this.#backends, this.#options.panic ?? false)
    if (changed?.eligible && !wasEligible && mayReturn && !panic) {
      changed.slowStartSinceMs = this.tickMs
      raiseWeight(changed, this.tickMs, this.#slowStartMs)
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
