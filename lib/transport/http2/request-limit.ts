/** After so long it is found out from the start, as connections that are never without requests show nothing. */
const FORGET_MS = 60_000

/**
 * How many requests a connection to one backend is given in all, as far as earlier ones have shown: a server that takes so
 * many on each refuses those behind them. It is found out anew as connections answer all that they were given, and go on.
 */
export class RequestLimit {
  #requests = Number.POSITIVE_INFINITY
  #step = 1
  #refusedMs = 0

  get max(): number {
    return this.#requests
  }

  /** A connection has refused requests after it had taken some. */
  onRefused(taken: number): void {
    this.#requests = taken
    this.#step = 1
    this.#refusedMs = performance.now()
  }

  /** Forgets what was long ago: to be called now and then. */
  recover(nowMs: number): void {
    if (nowMs - this.#refusedMs >= FORGET_MS) this.#requests = Number.POSITIVE_INFINITY
  }

  /** A connection has answered all that it was given, and takes more: a few at first, twice as many each time. */
  onAnswered(given: number): void {
    if (given < this.#requests) return
    this.#requests = given + this.#step
    this.#step *= 2
  }
}
