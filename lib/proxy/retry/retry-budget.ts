import type { Counters } from '../../base/cells/counters.js'
import { WaitQueue } from '../../base/wait-queue.js'
import { BalancerCell } from '../../pool/cells.js'

/** Places that there are however little is in flight. */
const MIN_PLACES = 3
/** How long a retry waits for a place. */
const TIMEOUT_MS = 1000

/** A retry that waits for a place. */
export interface BudgetWaiter {
  /** Whether it goes on without a place once it has waited for its time. */
  readonly isExempt: boolean
  /** It has a place, or got none in time. */
  onBudget(isAcquired: boolean): void
}

/**
 * Bounds the retries under way to a share of the requests in flight, so that they never become a storm on what is left
 * of the backends. Those above it wait for a moment: mostly a backend has just died, and its requests take turns.
 */
export class RetryBudget {
  readonly #counters: Counters
  readonly #share: number
  readonly #waiting = new WaitQueue<BudgetWaiter>()

  /** @param share of the requests in flight, 0 to 1 */
  constructor(counters: Counters, share: number) {
    this.#counters = counters
    this.#share = share
  }

  /** Acquires a place if there is one, which is to be released once. */
  acquire(): boolean {
    const counters = this.#counters
    const places = Math.max(MIN_PLACES, Math.floor(this.#share * counters.sum(BalancerCell.inFlight)))
    return counters.acquire(BalancerCell.retrying, places)
  }

  release(): void {
    this.#counters.change(BalancerCell.retrying, -1)
    for (const waiter of this.#waiting) {
      if (!this.acquire()) return
      this.#waiting.remove(waiter)
      waiter.onBudget(true)
    }
  }

  /** Acquires a place for `waiter`, now or when one is free. */
  wait(waiter: BudgetWaiter, nowMs: number): void {
    if (this.#waiting.isEmpty && this.acquire()) waiter.onBudget(true)
    else this.#waiting.add(waiter, nowMs)
  }

  /** Does nothing for one that does not wait. */
  remove(waiter: BudgetWaiter): void {
    this.#waiting.remove(waiter)
  }

  /** Times out what has waited too long. */
  tick(nowMs: number): void {
    this.#waiting.expire(nowMs, TIMEOUT_MS, (waiter) => {
      this.remove(waiter)
      if (!waiter.isExempt) this.#counters.addTotal(BalancerCell.retriesRefused, 1)
      waiter.onBudget(false)
    })
  }
}
