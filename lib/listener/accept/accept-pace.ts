import type { SharedCells } from '../../base/cells/shared-cells.js'

/** The cell that counts what all threads have accepted. */
const ACCEPTED = 0
const CELLS = 16
/** A thread waits for the others when it has so many connections more than the one with the fewest. */
const AHEAD = 2
/** So long, each time, for another thread to accept something: a thread that sleeps is woken sooner. */
const WAIT_MS = 0.5
/** If none has, all others are busy, or nothing is left: then it does not wait for so long. */
const PAUSE_MS = 5

/**
 * Has threads that listen on one socket share a burst of connections. Whoever wakes first would accept all of it, while the
 * others wake up; clients that keep their connections would then have one thread for good.
 */
export class AcceptPace {
  readonly #cells: Int32Array
  readonly #own: number
  readonly #count: number
  readonly #openIn: (thread: number) => number
  #untilMs = 0

  /** @param openIn how many connections a thread has */
  constructor(cells: SharedCells, openIn: (thread: number) => number) {
    this.#cells = cells.named('accepted', CELLS)
    this.#own = cells.threads.own
    this.#count = cells.threads.count
    this.#openIn = openIn
  }

  /** To be called for each connection that this thread has accepted. */
  record(): void {
    Atomics.add(this.#cells, ACCEPTED, 1)
    Atomics.notify(this.#cells, ACCEPTED)
  }

  /** To be called when more seem to wait: leaves them to the others while this thread is ahead of them. */
  wait(): void {
    if (performance.now() < this.#untilMs) return
    for (;;) {
      const accepted = Atomics.load(this.#cells, ACCEPTED)
      if (this.#openIn(this.#own) - this.#fewest() < AHEAD) return
      if (Atomics.wait(this.#cells, ACCEPTED, accepted, WAIT_MS) !== 'timed-out') continue
      this.#untilMs = performance.now() + PAUSE_MS
      return
    }
  }

  #fewest(): number {
    let fewest = Number.POSITIVE_INFINITY
    for (let thread = 0; thread < this.#count; thread++)
      if (thread !== this.#own) fewest = Math.min(fewest, this.#openIn(thread))
    return fewest
  }
}
