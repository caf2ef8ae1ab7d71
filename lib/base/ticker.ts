/** What is told the time again and again. */
export interface Ticked {
  /** @param nowMs of a monotonic clock */
  tick(nowMs: number): void
  /** Whether nothing depends on the next few ticks. */
  readonly isQuiet: boolean
}

const TICK_MS = 50
/** What is quiet is ticked once in so many rounds. */
const QUIET_ROUNDS = 10

/** One timer that ticks everything of a server: hundreds of pools would otherwise have one each. */
export class Ticker {
  readonly #ticked = new Map<Ticked, number>()
  readonly #timer: NodeJS.Timeout
  #round = 0
  #count = 0

  constructor() {
    // What has arrived is read first: after a blocked event loop every backend would seem silent.
    this.#timer = setInterval(() => setImmediate(() => this.#tick()), TICK_MS).unref()
  }

  add(ticked: Ticked): void {
    this.#ticked.set(ticked, this.#count++ % QUIET_ROUNDS)
    ticked.tick(performance.now())
  }

  remove(ticked: Ticked): void {
    this.#ticked.delete(ticked)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const nowMs = performance.now()
    this.#round = (this.#round + 1) % QUIET_ROUNDS
    for (const [ticked, round] of this.#ticked)
      if (round === this.#round || !ticked.isQuiet) ticked.tick(nowMs)
  }
}
