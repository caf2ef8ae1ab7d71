import type { LatencyWindow } from '../base/latency.js'
import { describeNetworkError } from '../base/network-error.js'
import type { RateWindow } from '../base/rates.js'
import type { DescriptorLimit } from '../base/shortage/descriptor-limit.js'
import type { Shortages } from '../base/shortage/shortages.js'
import type { LaneWay } from '../listener/http1/lane/options.js'
import { type Backend, WEIGHT_UNIT } from '../pool/backend.js'
import { BackendCell, BalancerCell } from '../pool/counters.js'
import type { Registry } from '../pool/registry.js'

/** What statistics are collected from. */
export interface StatisticsSource {
  readonly registry: Registry
  readonly latency: LatencyWindow
  readonly rates: RateWindow
  readonly version: string
  readonly startedAt: Date
  /** Number of open client connections. */
  readonly openConnections: () => number
  readonly maxSockets: number
  readonly descriptorLimit: DescriptorLimit
  readonly shortages: Shortages
  /** Which way plain requests take. */
  lane(): LaneWay
}

/** The balancer's state and counters at one moment. */
export type Statistics = ReturnType<typeof collectStatistics>

/** Number of requests for backends so far, including rejected ones. */
export function requestTotal({ counters }: Registry): number {
  return (
    counters.total(BalancerCell.total) +
    counters.total(BalancerCell.rejectedOverload) +
    counters.total(BalancerCell.rejectedNoBackend) +
    counters.total(BalancerCell.rejectedQueueFull) +
    counters.total(BalancerCell.rejectedRequest) +
    counters.total(BalancerCell.rejectedRateLimit) +
    counters.total(BalancerCell.rejectedDenied)
  )
}

/** The balancer's state and counters, as `/__lb/stats` shows them. */
export function collectStatistics(source: StatisticsSource) {
  const { registry, latency, rates, startedAt } = source
  const { counters } = registry
  return {
    version: source.version,
    startedAt: startedAt.toISOString(),
    uptimeSeconds: (Date.now() - startedAt.getTime()) / 1000,
    state: registry.draining ? 'draining' : 'serving',
    panic: registry.panicking,
    lane: source.lane(),
    requests: {
      inFlight: registry.inFlight,
      tunnels: counters.get(BalancerCell.tunnels),
      queued: counters.get(BalancerCell.queued),
      retrying: counters.get(BalancerCell.retrying),
      retriesRefused: counters.total(BalancerCell.retriesRefused),
      total: requestTotal(registry),
      failed: counters.total(BalancerCell.failed),
      rejected: {
        overload: counters.total(BalancerCell.rejectedOverload),
        noBackend: counters.total(BalancerCell.rejectedNoBackend),
        queueFull: counters.total(BalancerCell.rejectedQueueFull),
        queueTimeout: counters.total(BalancerCell.rejectedQueueTimeout),
        outageTimeout: counters.total(BalancerCell.rejectedOutageTimeout),
        badRequest: counters.total(BalancerCell.rejectedRequest),
        rateLimit: counters.total(BalancerCell.rejectedRateLimit),
        denied: counters.total(BalancerCell.rejectedDenied)
      },
      perSecond: rates.rates()
    },
    connections: {
      open: source.openConnections(),
      dropped: counters.total(BalancerCell.connectionsDropped),
      handshakesFailed: counters.total(BalancerCell.handshakesFailed),
      proxyHeadersRefused: counters.total(BalancerCell.proxyHeadersRefused),
      limit: source.maxSockets
    },
    shortages: shortageStatistics(source),
    latency: latency.summary(),
    backends: registry.backends.map(backendStatistics)
  }
}

function shortageStatistics({ descriptorLimit, shortages }: StatisticsSource) {
  const { latest } = shortages
  return {
    descriptorLimit: descriptorLimit.value ?? null,
    descriptors: shortages.total('descriptors'),
    ports: shortages.total('ports'),
    memory: shortages.total('memory'),
    latest: latest ? { at: latest.at.toISOString(), resource: latest.resource } : null
  }
}

/** State and counters of one backend. */
export function backendStatistics(backend: Backend) {
  const { counters, lastCheck } = backend
  const { name } = backend.pool
  const responses = (hundreds: number) => counters.total(BackendCell.responses + 2 * (hundreds - 1))
  return {
    id: backend.id,
    address: backend.address,
    url: backend.origin,
    addresses: name?.addresses ?? [],
    lookupFailure: name?.fault ? describeNetworkError(name.fault) : null,
    weight: backend.weight,
    effectiveWeight: backend.effectiveWeight / WEIGHT_UNIT,
    max: backend.config.max,
    backup: backend.config.backup,
    state: backend.status,
    since: backend.since.toISOString(),
    reason: backend.reason,
    lastCheck: lastCheck ? { ...lastCheck, at: lastCheck.at.toISOString() } : null,
    consecutiveSuccesses: counters.get(BackendCell.consecutiveSuccesses),
    consecutiveFailures: counters.get(BackendCell.consecutiveFailures),
    active: backend.active,
    total: counters.total(BackendCell.total),
    failed: counters.total(BackendCell.failed),
    responses: {
      '1xx': responses(1),
      '2xx': responses(2),
      '3xx': responses(3),
      '4xx': responses(4),
      '5xx': responses(5)
    },
    retries: counters.total(BackendCell.retries),
    unprocessedRetries: counters.total(BackendCell.unprocessedRetries),
    hedges: counters.total(BackendCell.hedges),
    ejections: counters.total(BackendCell.ejections),
    bytes: {
      received: counters.total(BackendCell.bytesReceived),
      sent: counters.total(BackendCell.bytesSent)
    }
  }
}

/** The periodic report, as text for people. */
export function reportText({ requests, backends }: Statistics): string {
  const lines = backends.map(
    ({ id, address, state, active, total, failed }) =>
      `Backend[${id}] ${address}: Status=${state.toUpperCase()}, Active=${active}, Total=${total}, Failed=${failed}`
  )
  return [
    '=== Load Balancer Stats ===',
    `Total Active Connections: ${requests.inFlight}`,
    ...lines,
    '============================'
  ].join('\n')
}
