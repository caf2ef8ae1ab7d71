import { EventEmitter } from 'node:events'
import { Backend, type BackendState, HEALTHY, STATES } from './backend.js'
import type { BackendConfig } from './config/backends.js'
import { BACKEND_CELLS, BackendCell, BalancerCell, Counters } from './counters.js'
import type { BackendPool } from './pool.js'

/** A backend changed state. */
export interface StateChange {
  readonly backend: Backend
  readonly from: BackendState
  readonly to: BackendState
  readonly reason: string
}

/** An attempt at a backend failed. */
export interface BackendFailure {
  readonly backend: Backend
  /** Such as `LB_BACKEND_REFUSED`. */
  readonly code: string
  readonly detail: string
}

interface RegistryEvents {
  state: [StateChange]
  failure: [BackendFailure]
}

export interface RegistryOptions {
  /** Makes the pool of connections to a backend. */
  readonly createPool: (config: BackendConfig) => BackendPool
  /** The state that backends start in. */
  readonly initialState: Extract<BackendState, 'checking' | 'healthy'>
  readonly now?: () => Date
}

/**
 * The backends in the order of the configuration, and the buffer that all counters live in: a row of cells for the
 * balancer, then one for each backend. Emits `state` and `failure`.
 */
export class Registry extends EventEmitter<RegistryEvents> {
  readonly backends: readonly Backend[]
  readonly counters: Counters
  readonly #now: () => Date

  constructor(configs: readonly BackendConfig[], options: RegistryOptions) {
    super()
    this.#now = options.now ?? (() => new Date())
    const cells = new Int32Array((configs.length + 1) * BACKEND_CELLS)
    this.counters = new Counters(cells, 0)
    this.backends = configs.map((config, id) => {
      const counters = new Counters(cells, (id + 1) * BACKEND_CELLS)
      counters.set(BackendCell.state, STATES.indexOf(options.initialState))
      return new Backend(id, config, counters, options.createPool(config), this.#now())
    })
  }

  /** Requests for backends that are being worked on. */
  get inFlight(): number {
    return this.counters.get(BalancerCell.inFlight)
  }

  get draining(): boolean {
    return this.counters.get(BalancerCell.draining) === 1
  }

  /** From now on the balancer is not ready, and closes connections as it answers. */
  startDraining(): void {
    this.counters.set(BalancerCell.draining, 1)
  }

  /** How many backends may be given requests. */
  get eligibleCount(): number {
    let count = 0
    for (const backend of this.backends) if (backend.eligible) count++
    return count
  }

  /** Sets the state of a backend, with the reason that logs and statistics show, and tells those who listen. */
  setState(backend: Backend, to: BackendState, reason: string): void {
    const from = backend.state
    if (from === to) return
    backend.counters.set(BackendCell.state, STATES.indexOf(to))
    backend.since = this.#now()
    backend.reason = reason
    this.emit('state', { backend, from, to, reason })
  }

  /**
   * Tells that an attempt at a backend failed. A backend that could not be reached at all is taken out at once,
   * unless it is the last eligible one: a last try costs less than refusing every request.
   */
  reportFailure(backend: Backend, code: string, detail: string, unreachable: boolean): void {
    backend.counters.addTotal(BackendCell.failed, 1)
    this.emit('failure', { backend, code, detail })
    if (!unreachable || backend.counters.get(BackendCell.state) !== HEALTHY) return
    if (this.eligibleCount === 1) return
    backend.counters.set(BackendCell.consecutiveSuccesses, 0)
    this.setState(backend, 'unhealthy', detail)
  }

  /** Closes every connection to every backend. */
  async close(): Promise<void> {
    await Promise.all(this.backends.map((backend) => backend.pool.destroy()))
  }
}
