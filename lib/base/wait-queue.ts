/** A FIFO queue of waiters, and since when each waits. Times are of any monotonic clock. */
export class WaitQueue<T> {
  readonly #sinceMs = new Map<T, number>()

  get isEmpty(): boolean {
    return this.#sinceMs.size === 0
  }

  add(waiter: T, nowMs: number): void {
    this.#sinceMs.set(waiter, nowMs)
  }

  /** Removes a waiter. Returns whether it was queued. */
  remove(waiter: T): boolean {
    return this.#sinceMs.delete(waiter)
  }

  /** From the first to the last; waiters may be removed meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return this.#sinceMs.keys()
  }

  /** Calls back for each that has waited for `timeoutMs`, and leaves it in the queue. */
  expire(nowMs: number, timeoutMs: number, onTimeout: (waiter: T) => void): void {
    for (const [waiter, sinceMs] of this.#sinceMs) {
      if (nowMs < sinceMs + timeoutMs) return
      onTimeout(waiter)
    }
  }
}
