import type { Counters } from '../../base/cells/counters.js'
import { BalancerCell } from '../../pool/cells.js'

/** Of those that wait, the share that is tried at each tick: the last backend stays eligible while it refuses. */
const PROBING_SHARE = 1 / 8

/** A request that waits for a backend to become available. */
export interface AwaitingRecovery {
  /** Since when it has waited, with what it has tried meanwhile, on the clock of the tick. */
  readonly waitingSinceMs: number
  /** Acquires a slot, or queues for one, if any backend is available, and leaves. Returns whether it did. */
  onRecovery(): boolean
  onRecoveryTimeout(): void
}

export interface RecoveryOptions {
  /** Requests that may wait at once. */
  readonly size: number
  /** 0 lets none wait. */
  readonly timeoutMs: number
}

/** Requests that wait while no backend is available, as long as a wait serves their clients better than a `503`. */
export class RecoveryQueue {
  readonly #counters: Counters
  readonly #options: RecoveryOptions
  readonly #waiting = new Set<AwaitingRecovery>()

  constructor(counters: Counters, options: RecoveryOptions) {
    this.#counters = counters
    this.#options = options
  }

  /** Whether a request that has waited since `sinceMs` may wait, or go on waiting. */
  accepts(sinceMs: number, nowMs: number): boolean {
    const { size, timeoutMs } = this.#options
    return nowMs - sinceMs < timeoutMs && this.#counters.sum(BalancerCell.queued) < size
  }

  /** Returns whether there was a place for it. */
  add(request: AwaitingRecovery): boolean {
    if (!this.#counters.acquire(BalancerCell.queued, this.#options.size)) return false
    this.#waiting.add(request)
    return true
  }

  /** Removes a request that keeps its place, to wait for something else. */
  release(request: AwaitingRecovery): void {
    this.#waiting.delete(request)
  }

  /** Does nothing for a request that does not wait here. */
  remove(request: AwaitingRecovery): void {
    if (this.#waiting.delete(request)) this.#counters.change(BalancerCell.queued, -1)
  }

  /** Times out what has waited too long, and lets some of the others try. */
  tick(nowMs: number): void {
    for (const request of this.#waiting) {
      if (nowMs - request.waitingSinceMs < this.#options.timeoutMs) continue
      this.remove(request)
      this.#counters.addTotal(BalancerCell.rejectedOutageTimeout, 1)
      request.onRecoveryTimeout()
    }
    this.#serve(Math.ceil(this.#waiting.size * PROBING_SHARE))
  }

  /** A backend may be available again: all proceed that can. */
  serve(): void {
    this.#serve(this.#waiting.size)
  }

  #serve(count: number): void {
    let left = count
    for (const request of this.#waiting) if (left-- === 0 || !request.onRecovery()) return
  }
}
