import { BalancerCell, type Counters } from '../../pool/counters.js'

/** Of those that wait, the part that tries at each tick: the last backend stays eligible while it refuses. */
const TRYING_SHARE = 1 / 8

/** A request that waits for a backend to come back. */
export interface Stranded {
  /** Since when it has waited, on the clock of the tick, with what it has tried meanwhile. */
  readonly strandedMs: number
  /** Takes a slot, or waits for one, if any backend can be used, and leaves the line. Returns whether it did. */
  takeReturn(): boolean
  onOutageTimeout(): void
}

export interface OutageOptions {
  /** Requests that may wait at once. */
  readonly size: number
  /** 0 lets none wait. */
  readonly timeoutMs: number
}

/** Requests that wait while no backend can be used, for so long as clients are better served by that than by a `503`. */
export class Outage {
  readonly #counters: Counters
  readonly #options: OutageOptions
  readonly #waiting = new Set<Stranded>()

  constructor(counters: Counters, options: OutageOptions) {
    this.#counters = counters
    this.#options = options
  }

  /** Whether one that has waited since `strandedMs` may wait, or go on waiting. */
  takes(strandedMs: number, nowMs: number): boolean {
    const { size, timeoutMs } = this.#options
    return nowMs - strandedMs < timeoutMs && this.#counters.get(BalancerCell.queued) < size
  }

  add(stranded: Stranded): void {
    this.#waiting.add(stranded)
    this.#counters.add(BalancerCell.queued, 1)
  }

  /** Waits no more. */
  leave(stranded: Stranded): void {
    if (this.#waiting.delete(stranded)) this.#counters.add(BalancerCell.queued, -1)
  }

  /** Turns away who has waited too long, and lets some of the others try. */
  tick(nowMs: number): void {
    for (const stranded of this.#waiting) {
      if (nowMs - stranded.strandedMs < this.#options.timeoutMs) continue
      this.leave(stranded)
      this.#counters.addTotal(BalancerCell.rejectedOutageTimeout, 1)
      stranded.onOutageTimeout()
    }
    this.#letTry(Math.ceil(this.#waiting.size * TRYING_SHARE))
  }

  /** A backend may be back: all go that can. */
  end(): void {
    this.#letTry(this.#waiting.size)
  }

  #letTry(count: number): void {
    let left = count
    for (const stranded of this.#waiting) if (left-- === 0 || !stranded.takeReturn()) return
  }
}
