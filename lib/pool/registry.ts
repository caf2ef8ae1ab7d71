import { EventEmitter } from 'node:events'
import type { Counters } from '../base/cells/counters.js'
import { OWN_CELLS } from '../base/cells/shared-cells.js'
import { Backend, type BackendState, HEALTHY, STATES, WEIGHT_UNIT } from './backend.js'
import { raiseWeight, tickBackend } from './backend-tick.js'
import { CellBlock } from './cell-block.js'
import { BackendCell, BalancerCell } from './cells.js'
import { ClosingConnections } from './closing-connections.js'
import type { RegistryEvents } from './registry-events.js'
import type { RegistryOptions } from './registry-options.js'
import { type BackendConfig, hasSameConnectionOptions } from './spec/backend-spec.js'

/**
 * The backends, in the order of the configuration, and the counters of all: a row of cells for the balancer, and one for
 * each backend. Emits an event for every change.
 */
export class Registry extends EventEmitter<RegistryEvents> {
  /** The cells of the pool as a whole, and the counters in them. */
  readonly block: CellBlock
  readonly counters: Counters
  /** The time of the latest tick, in milliseconds of any monotonic clock. */
  tickMs = 0
  readonly #options: RegistryOptions
  readonly #now: () => Date
  readonly #slowStartMs: number
  readonly #mayPanic: boolean
  #backends: readonly Backend[]
  readonly #closing = new ClosingConnections()
  #nextId: number
  #successor: Registry | undefined
  #isRetired = false

  /** @param predecessor a backend that it has too goes on with its counters, health and orders, over new connections */
  constructor(configs: readonly BackendConfig[], options: RegistryOptions, predecessor?: Registry) {
    super()
    this.#options = options
    this.#now = options.now ?? currentTime
    this.#slowStartMs = options.slowStartMs ?? 0
    this.#mayPanic = options.panic ?? false
    this.block = predecessor?.block ?? new CellBlock(options.cells ?? OWN_CELLS, 'pool')
    this.counters = this.block.counters
    this.tickMs = predecessor?.tickMs ?? 0
    this.#nextId = predecessor ? predecessor.#nextId : 0
    this.#backends = configs.map((config) => {
      const before = predecessor?.backendAt(config.address)
      if (before?.config.protocol === config.protocol) return this.#create(before.id, config, before)
      return this.#create(this.#nextId++, config)
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
  add(config: BackendConfig): Backend {
    if (this.backendAt(config.address)) throw new Error(`There is a backend ${config.address} already`)
    const backend = this.#create(this.#nextId++, config)
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
    backend.counters.set(BackendCell.eligible, 0)
    this.#refresh(undefined, false)
    this.#options.cells?.forget(cellsOf(backend.id))
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
    if (backend.slowStartSinceMs < 0)
      backend.counters.set(BackendCell.effectiveWeight, backend.weight * WEIGHT_UNIT)
    this.emit('reconfigured', backend)
  }

  /** The backend with this `host:port`. */
  backendAt(address: string): Backend | undefined {
    return this.#backends.find((backend) => backend.address === address)
  }

  #create(id: number, config: BackendConfig, before?: Backend): Backend {
    const { initialState, createPool, cells = OWN_CELLS } = this.#options
    const block = before?.block ?? new CellBlock(cells, cellsOf(id))
    if (!before) block.counters.set(BackendCell.state, STATES.indexOf(initialState))
    const backend = new Backend(id, config, block, createPool(config), this.#now())
    if (before) backend.follow(before)
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
    if (from === to || this.#isRetired || backend.isRemoved || (backend.forcedHealth ?? to) !== to) return
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
    if (backend.ejected === ejected || this.#isRetired || backend.isRemoved) return
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
    if (!this.#isRetired) for (const backend of this.backends) tickBackend(backend, nowMs, this.#slowStartMs)
    this.#closing.tick()
    this.emit('tick', nowMs)
  }

  /**
   * Recomputes which backends are eligible.
   * @param changed the backend that has changed, if only one has
   * @param mayReturn whether it starts slowly if it has become eligible
   */
  #refresh(changed: Backend | undefined, mayReturn: boolean): void {
    const panic = this.#mayPanic && !this.#backends.some(({ isAvailable }) => isAvailable)
    for (const backend of this.#backends) {
      const eligible = panic ? !backend.draining : backend.isAvailable
      const isReturn = backend === changed && mayReturn && eligible && !backend.eligible && !panic
      backend.counters.set(BackendCell.eligible, Number(eligible))
      if (isReturn) {
        backend.slowStartSinceMs = this.tickMs
        raiseWeight(backend, this.tickMs, this.#slowStartMs)
      }
    }
    if (panic === this.panicking) return
    this.counters.set(BalancerCell.panic, Number(panic))
    this.emit('panic', panic)
  }

  /**
   * Reports a failed attempt. A backend that could not be reached becomes unhealthy at once, unless it is the last
   * eligible one: an attempt at that costs less than refusing every request.
   */
  reportFailure(backend: Backend, code: string, detail: string, unreachable: boolean): void {
    if (this.#isRetired) {
      const heir = this.#successor?.backendAt(backend.address)
      if (heir) this.#successor!.reportFailure(heir, code, detail, unreachable)
      return
    }
    backend.counters.addTotal(BackendCell.failed, 1)
    this.emit('failure', { backend, code, detail })
    if (!unreachable || backend.counters.get(BackendCell.state) !== HEALTHY) return
    if (backend.eligible && this.eligibleCount === 1) return
    backend.counters.set(BackendCell.consecutiveSuccesses, 0)
    this.setState(backend, 'unhealthy', detail)
  }

  /** Closes every connection to every backend. */
  async close(): Promise<void> {
    await Promise.all([...this.backends.map(({ pool }) => pool.destroy()), this.#closing.destroy()])
  }
}

const cellsOf = (id: number) => `backend-${id}`

// In the constructor it would keep all that is known there: the predecessor, and with it each that was before that.
const currentTime = () => new Date()
