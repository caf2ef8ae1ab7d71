import type { Selector } from '../../balancing/selector.js'
import type { Counters } from '../../base/cells/counters.js'
import { BalancerCell } from '../../pool/cells.js'
import { NO_BACKEND, OVERLOADED, QUEUE_FULL } from '../failure.js'
import type { RecoveryQueue } from '../retry/recovery-queue.js'
import type { WaitingQueue } from '../retry/waiting-queue.js'
import type { Rejection } from './rejection.js'

export const OVERLOAD: Rejection = { failure: OVERLOADED, cell: BalancerCell.rejectedOverload }
const UNAVAILABLE: Rejection = { failure: NO_BACKEND, cell: BalancerCell.rejectedNoBackend }
const FULL: Rejection = { failure: QUEUE_FULL, cell: BalancerCell.rejectedQueueFull }

interface Waiting {
  readonly selector: Selector
  readonly queue: WaitingQueue
  readonly recovery: RecoveryQueue
}

/** Admits requests to a pool: as many as its server may have in flight, and those that find a slot or may wait for one. */
export class Admission {
  readonly #pool: Counters
  readonly #server: Counters
  readonly #maxConnections: number

  /** @param server of which the requests in flight are bounded; that of the only pool is the pool */
  constructor(pool: Counters, server: Counters, maxConnections: number) {
    this.#pool = pool
    this.#server = server
    this.#maxConnections = maxConnections
  }

  /** Counts a request in flight if there is room for it. Each needs exactly one `release()`. */
  acquire(): boolean {
    if (!this.#server.acquire(BalancerCell.inFlight, this.#maxConnections)) return false
    if (this.#server !== this.#pool) this.#pool.change(BalancerCell.inFlight, 1)
    return true
  }

  release(): void {
    this.#server.change(BalancerCell.inFlight, -1)
    if (this.#server !== this.#pool) this.#pool.change(BalancerCell.inFlight, -1)
  }

  /** Why a request that found no slot cannot wait for one; undefined if it can. */
  rejection({ selector, queue, recovery }: Waiting, nowMs: number): Rejection | undefined {
    if (!selector.canWait() && !recovery.accepts(nowMs, nowMs)) return UNAVAILABLE
    return queue.isFull ? FULL : undefined
  }
}
