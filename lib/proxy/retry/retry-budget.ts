import { WaitQueue } from '../../base/wait-queue.js'
import { BalancerCell, type Counters } from '../../pool/counters.js'

/** Places that there are however little is in flight. */
const MIN_PLACES = 3
/** How long a second try waits for a place. */
const PATIENCE_MS = 1000

/** Who waits for a place. */
export interface BudgetWaiter {
  /** Whether it goes on without a place once it has waited for its time. */
  readonly needsNoPlace: boolean
  /** It has a place, or got none in time. */
  onBudget(hasPlace: boolean): void
}

/**
 * Bounds the second tries under way to a share of the requests in flight, so that they never become a storm on what is
 * left of the backends. Those above it wait for a moment: mostly a backend has just died, and its requests take turns.
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

  /** Takes a place, if there is one: it is to be given back once. */
  take(): boolean {
    const counters = this.#counters
    const places = Math.max(MIN_PLACES, Math.floor(this.#share * counters.get(BalancerCell.inFlight)))
    if (counters.add(BalancerCell.retrying, 1) <= places) return true
    counters.add(BalancerCell.retrying, -1)
    return false
  }

  give(): void {
    this.#counters.add(BalancerCell.retrying, -1)
    for (const waiter of this.#waiting) {
      if (!this.take()) return
      this.#waiting.remove(waiter)
      waiter.onBudget(true)
    }
  }

  /** Gives a place to `waiter` now, or when one is free. */
  wait(waiter: BudgetWaiter, nowMs: number): void {
    if (this.#waiting.isEmpty && this.take()) waiter.onBudget(true)
    else this.#waiting.add(waiter, nowMs)
  }

  /** Waits no more. */
  leave(waiter: BudgetWaiter): void {
    this.#waiting.remove(waiter)
  }

  /** Turns away who has waited too long. */
  tick(nowMs: number): void {
    this.#waiting.expire(nowMs, PATIENCE_MS, (waiter) => {
      this.leave(waiter)
      if (!waiter.needsNoPlace) this.#counters.addTotal(BalancerCell.retriesRefused, 1)
      waiter.onBudget(false)
    })
  }
}
