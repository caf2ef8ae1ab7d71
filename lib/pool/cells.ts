import { gauge, shared, type TotalCell, total } from '../base/cells/cell.js'
import type { Counters } from '../base/cells/counters.js'

/** Cells of one backend. */
export const BackendCell = {
  state: shared(0),
  weight: shared(1),
  /** 1 while it may be given requests: it follows from state, ejection and drain. */
  eligible: shared(2),
  /** The current weight in hundredths: less than configured during a slow start. */
  effectiveWeight: shared(3),
  /** The limit of requests in flight, or 0. */
  max: shared(4),
  /** The penalty for recent errors, in requests in flight. */
  penalty: shared(5),
  /** 1 while it is ejected by outlier detection. */
  ejected: shared(6),
  /** 1 while it is being drained. */
  draining: shared(7),
  consecutiveSuccesses: shared(8),
  consecutiveFailures: shared(9),
  /** Failed attempts and server errors in a row. */
  consecutiveErrors: shared(10),

  active: gauge(0),
  total: total(8),
  failed: total(10),
  retries: total(12),
  bytesReceived: total(14),
  bytesSent: total(16),
  ejections: total(28),
  /** Server errors and failed attempts. */
  errors: total(30),
  /** Hedges sent to it: second copies of requests that another backend has not answered yet. */
  hedges: total(32),
  /** Of the retries, those of requests that it had not processed. */
  unprocessedRetries: total(34)
} as const

/** The total of a backend's responses of a class, 1 for 1xx to 5 for 5xx. */
export const responsesCell = (statusClass: number): TotalCell => total(16 + 2 * statusClass)

/** The totals of the balancer as a whole, or of a pool. */
export const BALANCER_TOTALS = {
  total: total(8),
  failed: total(10),
  rejectedOverload: total(12),
  rejectedNoBackend: total(14),
  connectionsDropped: total(16),
  rejectedRequest: total(18),
  rejectedQueueFull: total(20),
  rejectedQueueTimeout: total(22),
  /** Retries that the budget did not allow in time. */
  retriesRefused: total(24),
  rejectedOutageTimeout: total(26),
  rejectedRateLimit: total(28),
  rejectedDenied: total(30),
  /** TLS handshakes with clients. */
  handshakesFailed: total(32),
  /** Dropped lines of the access log. */
  logLinesDropped: total(34),
  /** Requests whose client address, as a trusted proxy sent it, could not be parsed. */
  clientsUnreadable: total(36),
  /** Connections from trusted proxies without a valid PROXY protocol header. */
  proxyHeadersRefused: total(38),
  rejectedNoRoute: total(40),
  /** Requests that a route has answered itself. */
  routeAnswers: total(42)
} as const

/** Cells of the balancer as a whole, or of a pool. */
export const BalancerCell = {
  draining: shared(0),
  /** 1 in panic mode: unhealthy backends are eligible, as no healthy one is left. */
  panic: shared(1),

  inFlight: gauge(0),
  /** Of those in flight, the tunnels. */
  tunnels: gauge(1),
  /** Retries and hedges under way. */
  retrying: gauge(2),
  queued: gauge(3),
  /** Client connections that are open, wherever they were accepted. */
  openConnections: gauge(4),
  /** Those accepted at the balancer's own port, from the first moment on. */
  sockets: gauge(5),
  ...BALANCER_TOTALS
} as const

/** Adds the totals of a pool that is no more to those of its server. */
export function addTotals(to: Counters, from: Counters): void {
  for (const cell of Object.values(BALANCER_TOTALS)) to.addTotal(cell, from.total(cell))
}
