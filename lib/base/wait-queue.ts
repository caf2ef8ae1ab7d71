/** Who waits for something, in the order of coming, and since when. */
export class WaitQueue<T> {
  readonly #sinceMs = new Map<T, number>()

  get isEmpty(): boolean {
    return this.#sinceMs.size === 0
  }

  add(waiter: T, nowMs: number): void {
    this.#sinceMs.set(waiter, nowMs)
  }

  /** Waits no more. Returns whether it did. */
  remove(waiter: T): boolean {
    return this.#sinceMs.delete(waiter)
  }

  /** From the first in line to the last; each may leave meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return this.#sinceMs.keys()
  }

  /** Tells those that have waited for so long. */
  expire(nowMs: number, patienceMs: number, tell: (waiter: T) => void): void {
    for (const [waiter, sinceMs] of this.#sinceMs) {
      if (nowMs < sinceMs + patienceMs) return
      tell(waiter)
    }
  }
}
