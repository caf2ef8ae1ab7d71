import { setImmediate as turn } from 'node:timers/promises'

interface Timer {
  readonly dueMs: number
  readonly delayMs: number
  readonly callback: () => void
}

/** Timers that run when told to, in the order that they are due. */
export class FakeClock {
  nowMs = 0
  readonly #timers = new Set<Timer>()

  readonly setTimeout = ((callback: () => void, delayMs = 0) => {
    const timer = { dueMs: this.nowMs + delayMs, delayMs, callback }
    this.#timers.add(timer)
    return timer
  }) as unknown as typeof setTimeout

  readonly clearTimeout = ((timer: Timer) => {
    this.#timers.delete(timer)
  }) as unknown as typeof clearTimeout

  /** Delays of the timers that are set, in the order of setting. */
  get delays(): number[] {
    return [...this.#timers].map(({ delayMs }) => delayMs)
  }

  /** Lets time pass; what a timer sets in motion has settled before the next one runs. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.nowMs + byMs
    await turn()
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)
      if (!next || next.dueMs > endMs) break
      this.#timers.delete(next)
      this.nowMs = next.dueMs
      next.callback()
      await turn()
    }
    this.nowMs = endMs
  }
}
