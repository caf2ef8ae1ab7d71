/**
 * Counters in cells of an Int32Array, accessed with Atomics only, so that the same code works for one thread with a
 * plain buffer, and for several with a shared one.
 *
 * A gauge has one cell. A total has two, the low part first: it counts up to 2^53, and readers never see half a carry.
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

  /** Sets a gauge. */
  set(cell: number, value: number): void {
    Atomics.store(this.#cells, this.#offset + cell, value)
  }

  /** Adds to a gauge. Returns the new value. */
  add(cell: number, amount: number): number {
    return Atomics.add(this.#cells, this.#offset + cell, amount) + amount
  }

  /** Adds a whole number from 0 to 2^53 to a total. */
  addTotal(cell: number, amount: number): void {
    const index = this.#offset + cell
    const low = amount % SPAN
    if (amount !== low) Atomics.add(this.#cells, index + 1, (amount - low) / SPAN)
    const before = Atomics.add(this.#cells, index, low)
    // Only the addition that crosses SPAN carries, even if other threads have added since.
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
      // A carry of another thread is half done, or happened between the two reads.
      if (low >= SPAN || Atomics.load(this.#cells, index + 1) !== high) continue
      return high * SPAN + low
    }
  }
}

/** The low cell of a total counts up to this; the high one counts the carries. */
const SPAN = 2 ** 30

/** Cells of one backend. Totals take two cells each. */
export const BackendCell = {
  state: 0,
  weight: 1,
  active: 2,
  consecutiveSuccesses: 3,
  consecutiveFailures: 4,
  /** 1 while it may be given requests: it follows from state, ejection and drain. */
  eligible: 5,
  total: 6,
  failed: 8,
  retries: 10,
  bytesReceived: 12,
  bytesSent: 14,
  /** Responses by class: 1xx here, 2xx two cells on, up to 5xx. */
  responses: 16,
  /** The current weight in hundredths: less than configured during a slow start. */
  effectiveWeight: 26,
  /** The penalty for recent errors, in requests in flight. */
  penalty: 27,
  /** The limit of requests in flight, or 0. */
  max: 28,
  /** 1 while it is ejected by outlier detection. */
  ejected: 29,
  /** 1 while it is being drained. */
  draining: 30,
  /** Failed attempts and server errors in a row. */
  consecutiveErrors: 31,
  ejections: 32,
  /** Server errors and failed attempts. */
  errors: 34,
  /** Hedges sent to it: second copies of requests that another backend has not answered yet. */
  hedges: 36,
  /** Of the retries, those of requests that it had not processed. */
  unprocessedRetries: 38
} as const

/** Cells of a backend, rounded up so that no two backends share a cache line. */
export const BACKEND_CELLS = 48

/** Cells of the balancer as a whole, which precede those of the backends. */
export const BalancerCell = {
  inFlight: 0,
  draining: 1,
  total: 2,
  failed: 4,
  rejectedOverload: 6,
  rejectedNoBackend: 8,
  connectionsDropped: 10,
  /** Of those in flight, the tunnels. */
  tunnels: 12,
  /** Retries and hedges under way. */
  retrying: 13,
  rejectedRequest: 14,
  /** 1 in panic mode: unhealthy backends are eligible, as no healthy one is left. */
  panic: 16,
  queued: 17,
  rejectedQueueFull: 18,
  rejectedQueueTimeout: 20,
  /** Retries that the budget did not allow in time. */
  retriesRefused: 22,
  rejectedOutageTimeout: 24,
  rejectedRateLimit: 26,
  rejectedDenied: 28,
  /** TLS handshakes with clients. */
  handshakesFailed: 30,
  /** Dropped lines of the access log. */
  logLinesDropped: 32,
  /** Requests whose client address, as a trusted proxy sent it, could not be parsed. */
  clientsUnreadable: 34,
  /** Connections from trusted proxies without a valid PROXY protocol header. */
  proxyHeadersRefused: 36,
  rejectedNoRoute: 38,
  /** Requests that a route has answered itself. */
  routeAnswers: 40
} as const

/** The cells of the balancer that are no totals. */
const GAUGES: readonly string[] = ['inFlight', 'draining', 'tunnels', 'retrying', 'panic', 'queued']

/** Adds the totals of a pool that is no more to those of its server. */
export function addTotals(to: Counters, from: Counters): void {
  for (const [name, cell] of Object.entries(BalancerCell))
    if (!GAUGES.includes(name)) to.addTotal(cell, from.total(cell))
}
