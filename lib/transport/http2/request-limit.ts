/** After this time the limit is forgotten: connections that are never without requests would not raise it. */
const FORGET_MS = 60_000

/**
 * How many requests in total a connection to a backend may carry, as learned from earlier ones: a server with a limit per
 * connection refuses the requests beyond. It rises again when connections have answered that many and are still open.
 */
export class RequestLimit {
  #requests = Number.POSITIVE_INFINITY
  #step = 1
  #refusedMs = 0

  get max(): number {
    return this.#requests
  }

  /** A connection has refused requests after it had processed some. */
  onRefused(processed: number): void {
    this.#requests = processed
    this.#step = 1
    this.#refusedMs = performance.now()
  }

  /** Forgets an old limit. To be called regularly. */
  recover(nowMs: number): void {
    if (nowMs - this.#refusedMs >= FORGET_MS) this.#requests = Number.POSITIVE_INFINITY
  }

  /** A connection has answered all its requests, and is still open: raises the limit, by a step that doubles. */
  onAnswered(sent: number): void {
    if (sent < this.#requests) return
    this.#requests = sent + this.#step
    this.#step *= 2
  }
}
