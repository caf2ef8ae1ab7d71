import type { SharedCells } from '../../base/cells/shared-cells.js'

/** The cell that counts what all threads have accepted. */
const ACCEPTED = 0
const CELLS = 16
/** A thread waits for the others when it has so many connections more than the one with the fewest, and so large a share, */
const AHEAD = 2
const AHEAD_SHARE = 1 / 8
/** and of this burst so many more than the others. */
const AHEAD_IN_BURST = 2
/** So long, each time, for another thread to accept something: a thread that sleeps is woken sooner. */
const WAIT_MS = 2
/** If none has, all others are busy, or nothing is left: then it does not wait for so long, and longer each time. */
const MIN_PAUSE_MS = 1
const MAX_PAUSE_MS = 64

/**
 * Has threads that listen on one socket share a burst of connections. Whoever wakes first would accept all of it, while the
 * others wake up; clients that keep their connections would then have one thread for good.
 */
export class AcceptPace {
  readonly #cells: Int32Array
  readonly #own: number
  readonly #count: number
  readonly #openIn: (thread: number) => number
  /** In this burst: what this thread has accepted, and how much all had accepted before it. */
  #acceptedHere = 0
  #acceptedBefore = 0
  #untilMs = 0
  #pauseMs = MIN_PAUSE_MS

  /** @param openIn how many connections a thread has */
  constructor(cells: SharedCells, openIn: (thread: number) => number) {
    this.#cells = cells.named('accepted', CELLS)
    this.#own = cells.threads.own
    this.#count = cells.threads.count
    this.#openIn = openIn
  }

  /**
   * To be called for each connection that this thread has accepted.
   * @param isFirst whether it may begin a burst: the one before it came some time ago
   */
  record(isFirst: boolean): void {
    const before = Atomics.add(this.#cells, ACCEPTED, 1)
    Atomics.notify(this.#cells, ACCEPTED)
    if (isFirst) {
      this.#acceptedHere = 0
      this.#acceptedBefore = before
    }
    this.#acceptedHere++
  }

  /** To be called when more seem to wait: leaves one to the others if this thread is ahead of them. */
  wait(): void {
    if (performance.now() < this.#untilMs || !this.#isAhead()) return
    const accepted = Atomics.load(this.#cells, ACCEPTED)
    const share =
      this.#acceptedHere * (this.#count - 1) - (accepted - this.#acceptedBefore - this.#acceptedHere)
    if (share < AHEAD_IN_BURST) return
    if (Atomics.wait(this.#cells, ACCEPTED, accepted, WAIT_MS) === 'timed-out') {
      this.#untilMs = performance.now() + this.#pauseMs
      this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS)
    } else {
      this.#pauseMs = MIN_PAUSE_MS
    }
  }

  #isAhead(): boolean {
    let fewest = Number.POSITIVE_INFINITY
    for (let thread = 0; thread < this.#count; thread++)
      if (thread !== this.#own) fewest = Math.min(fewest, this.#openIn(thread))
    return this.#openIn(this.#own) - fewest >= AHEAD + AHEAD_SHARE * fewest
  }
}
