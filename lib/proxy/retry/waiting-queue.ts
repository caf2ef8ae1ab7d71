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

/** Requests that wait since every eligible backend has as many as it may have, in the order in which they came. */
export class WaitingQueue {
  readonly #counters: Counters
  readonly #options: QueueOptions
  readonly #waiting = new WaitQueue<Queued>()
  #acceptingAny = 0

  constructor(counters: Counters, options: QueueOptions) {
    this.#counters = counters
    this.#options = options
  }

  /** Whether nobody would be served. */
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

  /**
   * Returns whether there was a place for it.
   * @param hasPlace whether it has one already
   */
  add(queued: Queued, nowMs: number, hasPlace = false): boolean {
    if (!hasPlace && !this.#counters.acquire(BalancerCell.queued, this.#options.size)) return false
    this.#waiting.add(queued, nowMs)
    if (queued.acceptsAny) this.#acceptingAny++
    return true
  }

  /** Returns whether it was queued. */
  remove(queued: Queued): boolean {
    if (!this.#waiting.remove(queued)) return false
    this.#counters.change(BalancerCell.queued, -1)
    if (queued.acceptsAny) this.#acceptingAny--
    return true
  }

  /** A slot is free: it is for the first in line or, behind one that cannot use it, for the next. */
  serve(): void {
    this.serveWhile(always)
  }

  /** The same where backends have changed, and there may be any number of slots. */
  serveAll(): void {
    this.serve()
  }

  /** Serves those that find room, in line. Returns the one before which `mayTry` ended that, or that found none. */
  protected serveWhile(mayTry: (queued: Queued) => boolean): Queued | undefined {
    for (const queued of this.#waiting) {
      if (!mayTry(queued)) return queued
      const acceptedAny = queued.acceptsAny
      if (queued.proceed()) continue
      if (queued.acceptsAny) return queued
      if (acceptedAny) this.#acceptingAny--
    }
    return undefined
  }

  /** Times out what has waited too long. */
  tick(nowMs: number): void {
    this.#waiting.expire(nowMs, this.#options.timeoutMs, (queued) => {
      this.remove(queued)
      queued.onQueueTimeout()
    })
  }

  /** Nothing will be added any more. */
  stop(): void {}
}

const always = () => true
