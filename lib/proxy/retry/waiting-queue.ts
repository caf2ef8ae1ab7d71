import { WaitQueue } from '../../base/wait-queue.js'
import { BalancerCell, type Counters } from '../../pool/counters.js'

/** A request that waits for a backend with room. */
export interface Queued {
  /** Takes a slot, if there is one for it, and leaves the queue. Returns whether it did. */
  takeTurn(): boolean
  onQueueTimeout(): void
  /**
   * Whether any backend will do: what has no room for it has none for others. While it waits that may end, in a turn that
   * it could not take.
   */
  readonly takesAny: boolean
}

export interface QueueOptions {
  /** Requests that may wait at once. */
  readonly size: number
  readonly timeoutMs: number
}

/**
 * Requests that wait since every eligible backend has as many as it may have, in the order in which they came. The
 * order is of this thread, the count of all.
 */
export class WaitingQueue {
  readonly #counters: Counters
  readonly #options: QueueOptions
  readonly #waiting = new WaitQueue<Queued>()
  #takingAny = 0

  constructor(counters: Counters, options: QueueOptions) {
    this.#counters = counters
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#waiting.isEmpty
  }

  /** Whether who comes now has to wait too: another that takes any backend was there first. */
  get isBlocked(): boolean {
    return this.#takingAny > 0
  }

  get isFull(): boolean {
    return this.#counters.get(BalancerCell.queued) >= this.#options.size
  }

  add(queued: Queued, nowMs: number): void {
    this.#waiting.add(queued, nowMs)
    this.#counters.add(BalancerCell.queued, 1)
    if (queued.takesAny) this.#takingAny++
  }

  /** Waits no more. */
  leave(queued: Queued): void {
    if (!this.#waiting.remove(queued)) return
    this.#counters.add(BalancerCell.queued, -1)
    if (queued.takesAny) this.#takingAny--
  }

  /** Lets go whoever finds room: the first in line, and behind one that cannot use what there is, the next. */
  serve(): void {
    for (const queued of this.#waiting) {
      const tookAny = queued.takesAny
      if (queued.takeTurn()) continue
      if (queued.takesAny) return
      if (tookAny) this.#takingAny--
    }
  }

  /** Turns away who has waited too long. */
  tick(nowMs: number): void {
    this.#waiting.expire(nowMs, this.#options.timeoutMs, (queued) => {
      this.leave(queued)
      queued.onQueueTimeout()
    })
  }
}
