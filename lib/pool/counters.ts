/**
 * Counters in the cells of an Int32Array, read and written with Atomics alone, so that the same code serves one
 * thread over a plain buffer and several over a shared one.
 *
 * A gauge takes one cell. A total takes two, low part first: counts to 2^53 fit, and the carry never shows.
 */
export class Counters {
  readonly #cells: Int32Array
  readonly #offset: number

  constructor(cells: Int32Array, offset: number) {
    this.#cells = cells
    this.#offset = offset
  }

  /** The value of a gauge. */
  get(cell: number): number {
    return Atomics.load(this.#cells, this.#offset + cell)
  }

  set(cell: number, value: number): void {
    Atomics.store(this.#cells, this.#offset + cell, value)
  }

  /** Adds to a gauge and returns its value after that. */
  add(cell: number, amount: number): number {
    return Atomics.add(this.#cells, this.#offset + cell, amount) + amount
  }

  /** Adds a whole number from 0 to 2^53 to a total. */
  addTotal(cell: number, amount: number): void {
    const index = this.#offset + cell
    const low = amount % SPAN
    if (amount !== low) Atomics.add(this.#cells, index + 1, (amount - low) / SPAN)
    const before = Atomics.add(this.#cells, index, low)
    // Only who crosses the border carries, however many threads are beyond it by then.
    if (before < SPAN && before + low >= SPAN) {
      Atomics.add(this.#cells, index + 1, 1)
      Atomics.sub(this.#cells, index, SPAN)
    }
  }

  /** The value of a total. */
  total(cell: number): number {
    const index = this.#offset + cell
    for (;;) {
      const high = Atomics.load(this.#cells, index + 1)
      const low = Atomics.load(this.#cells, index)
      // Another thread's carry, half done or between the reads.
      if (low >= SPAN || Atomics.load(this.#cells, index + 1) !== high) continue
      return high * SPAN + low
    }
  }
}

/** What the low cell of a total counts to; the high one counts these. */
const SPAN = 2 ** 30

/** Cells of one backend. Totals take two cells each. */
export const BackendCell = {
  state: 0,
  weight: 1,
  active: 2,
  consecutiveSuccesses: 3,
  consecutiveFailures: 4,
  /** 1 while it may be given requests: what follows from state, ejection and drain. */
  eligible: 5,
  total: 6,
  failed: 8,
  retries: 10,
  bytesReceived: 12,
  bytesSent: 14,
  /** Responses by class: 1xx here, 2xx two cells on, up to 5xx. */
  responses: 16,
  /** The weight of now in hundredths: less than the configured one during a slow start. */
  effectiveWeight: 26,
  /** Requests that its recent errors count as, beside those in flight. */
  penalty: 27,
  /** Requests in flight at the most, or 0. */
  max: 28,
  /** 1 while passive means keep it out. */
  ejected: 29,
  /** 1 while it is being drained. */
  draining: 30,
  /** Failed attempts and server errors in a row. */
  consecutiveErrors: 31,
  ejections: 32,
  /** Server errors and failed attempts. */
  errors: 34,
  /** Requests that were sent to it a second time while another backend was still asked. */
  hedges: 36,
  /** Of the retries, those of requests that it had not looked at. */
  unprocessedRetries: 38
} as const

/** Cells of a backend, rounded up so that two backends never share a cache line. */
export const BACKEND_CELLS = 48

/** Cells of the balancer as a whole, in a row of their own before the backends'. */
export const BalancerCell = {
  inFlight: 0,
  draining: 1,
  total: 2,
  failed: 4,
  rejectedOverload: 6,
  rejectedNoBackend: 8,
  connectionsDropped: 10,
  /** Of those in flight, the ones that have changed to another protocol. */
  tunnels: 12,
  /** Attempts under way that are not the first of their request. */
  retrying: 13,
  rejectedRequest: 14,
  /** 1 while unhealthy backends are used, as no other is left. */
  panic: 16,
  queued: 17,
  rejectedQueueFull: 18,
  rejectedQueueTimeout: 20,
  /** Second tries that the budget did not allow in time. */
  retriesRefused: 22,
  rejectedOutageTimeout: 24,
  rejectedRateLimit: 26,
  rejectedDenied: 28,
  /** Of TLS to clients. */
  handshakesFailed: 30,
  /** Lines of the access log that were not written. */
  logLinesDropped: 32,
  /** Requests of which a trusted proxy has said the client in a way that could not be read. */
  clientsUnreadable: 34,
  /** Connections from trusted proxies that do not begin with a header of the PROXY protocol as it has to be. */
  proxyHeadersRefused: 36
} as const
