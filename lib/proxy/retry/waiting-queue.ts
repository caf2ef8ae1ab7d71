import type { Counters } from '../../base/cells/counters.js'
import { WaitQueue } from '../../base/wait-queue.js'
import { BalancerCell } from '../../pool/cells.js'

/** A request that waits for a backend with room. */
export interface Queued {
  /** Acquires a slot, if there is one for it, and leaves the queue. Returns whether it did. */
  proceed(): boolean
  onQueueTimeout(): void
  /**
   * Whether any backend will do. If such a request finds no room, no request behind it does. That may end while it waits,
   * when `proceed` finds no slot.
   */
  readonly acceptsAny: boolean
}

export interface QueueOptions {
  /** Requests that may wait at once. */
  readonly size: number
  readonly timeoutMs: number
}

/**
 * Requests that wait since every eligible backend has as many as it may have, in the order in which they came. The
 * order is this thread's own, the count is that of all.
 */
export class WaitingQueue {
  readonly #counters: Counters
  readonly #options: QueueOptions
  readonly #waiting = new WaitQueue<Queued>()
  #acceptingAny = 0

  constructor(counters: Counters, options: QueueOptions) {
    this.#counters = counters
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#waiting.isEmpty
  }

  /** Whether a new request has to wait too: another that any backend would do for was there first. */
  get isBlocked(): boolean {
    return this.#acceptingAny > 0
  }

  get isFull(): boolean {
    return this.#counters.sum(BalancerCell.queued) >= this.#options.size
  }

  add(queued: Queued, nowMs: number): void {
    this.#waiting.add(queued, nowMs)
    this.#counters.change(BalancerCell.queued, 1)
    if (queued.acceptsAny) this.#acceptingAny++
  }

  /** Does nothing for a request that is not queued. */
  remove(queued: Queued): void {
    if (!this.#waiting.remove(queued)) return
    this.#counters.change(BalancerCell.queued, -1)
    if (queued.acceptsAny) this.#acceptingAny--
  }

  /** Serves those that find room: the first in line, and behind one that cannot use what there is, the next. */
  serve(): void {
    for (const queued of this.#waiting) {
      const acceptedAny = queued.acceptsAny
      if (queued.proceed()) continue
      if (queued.acceptsAny) return
      if (acceptedAny) this.#acceptingAny--
    }
  }

  /** Times out what has waited too long. */
  tick(nowMs: number): void {
    this.#waiting.expire(nowMs, this.#options.timeoutMs, (queued) => {
      this.remove(queued)
      queued.onQueueTimeout()
    })
  }
}
