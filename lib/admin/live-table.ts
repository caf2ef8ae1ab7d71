import type { BackendView } from '../observe/backend-view.js'
import type { Statistics } from '../observe/statistics.js'
import { backendTable, ordersOf } from './text-table.js'

/** Statistics of a balancer at one moment. */
export interface Snapshot {
  /** On a monotonic clock. */
  readonly atMs: number
  readonly statistics: Statistics
  readonly backends: readonly BackendView[]
}

const HEAD = ['BACKEND', 'STATE', 'WEIGHT', 'ACTIVE', 'REQ/S', '5XX/S', 'FAIL/S', 'TOTAL', 'ORDERS']

/** The screen of `lb top`. Rates are those since the snapshot before, if there was one. */
export function liveTable({ atMs, statistics, backends }: Snapshot, before: Snapshot | undefined): string {
  const { requests, connections, latency, state, version } = statistics
  const seconds = before ? (atMs - before.atMs) / 1000 : 0
  const rate = (now: number, then: number | undefined) =>
    seconds > 0 && then !== undefined ? Math.max(0, Math.round((now - then) / seconds)) : 0
  const rows = backends.map((backend) => {
    const { pool, id, address, state, effectiveWeight, active, total, failed, responses } = backend
    const old = before?.backends.find(
      (other) => other.pool === pool && other.id === id && other.address === address
    )
    return [
      address,
      state,
      effectiveWeight,
      active,
      rate(total, old?.total),
      rate(responses['5xx'], old?.responses['5xx']),
      rate(failed, old?.failed),
      total,
      ordersOf(backend)
    ]
  })
  const { overload, noBackend, queueFull, queueTimeout, outageTimeout } = requests.rejected
  const refused = overload + noBackend + queueFull + queueTimeout + outageTimeout
  return [
    `fairlead ${version}  ${state}  ${Math.floor(statistics.uptimeSeconds)} s up`,
    `${rate(requests.total, before?.statistics.requests.total)} req/s  ${requests.inFlight} in flight  ` +
      `${requests.queued} queued  ${requests.failed} failed  ${refused} refused  ${connections.open} connections`,
    `latency of ${latency.windowSeconds} s: p50 ${ms(latency.p50Ms)}  p90 ${ms(latency.p90Ms)}  ` +
      `p99 ${ms(latency.p99Ms)}  max ${ms(latency.maxMs)}`,
    '',
    backendTable(HEAD, rows, backends)
  ].join('\n')
}

const ms = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
