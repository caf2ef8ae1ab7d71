import type { Counters } from '../base/cells/counters.js'
import type { LatencyWindow } from '../base/latency/latency-window.js'
import { describeNetworkError } from '../base/network-error.js'
import type { RateWindow } from '../base/rates.js'
import type { DescriptorLimit } from '../base/shortage/descriptor-limit.js'
import type { Shortages } from '../base/shortage/shortages.js'
import type { SourceStatus } from '../discovery/source-state.js'
import type { LaneWay } from '../listener/http1/lane/options.js'
import { type Backend, WEIGHT_UNIT } from '../pool/backend.js'
import { BackendCell, BalancerCell, responsesCell } from '../pool/cells.js'
import { fleetStatistics, type ShownFleet } from './fleet-statistics.js'
import type { ServerCounters } from './server-counters.js'
import { type ShownPool, sourcesOf } from './shown-pool.js'
import type { ShownRoute } from './shown-route.js'

/** What statistics are collected from. */
export interface StatisticsSource {
  /** Whether the server drains. */
  readonly registry: { readonly draining: boolean }
  readonly counters: ServerCounters
  readonly pools: () => readonly ShownPool[]
  readonly routes: () => readonly ShownRoute[]
  /** Of all pools. */
  readonly latency: LatencyWindow
  readonly rates: RateWindow
  readonly version: string
  readonly startedAt: Date
  readonly maxSockets: number
  readonly descriptorLimit: DescriptorLimit
  readonly shortages: Shortages
  /** Which way plain requests take. */
  lane(): LaneWay
  readonly fleet: ShownFleet | undefined
}

/** The balancer's state and counters at one moment. */
export type Statistics = ReturnType<typeof collectStatistics>

type Reader = Pick<Counters, 'sum' | 'total'>

/** Number of requests for backends so far, including rejected ones. */
export function requestTotal(counters: Reader): number {
  return (
    counters.total(BalancerCell.total) +
    counters.total(BalancerCell.rejectedOverload) +
    counters.total(BalancerCell.rejectedNoBackend) +
    counters.total(BalancerCell.rejectedQueueFull) +
    counters.total(BalancerCell.rejectedRequest) +
    counters.total(BalancerCell.rejectedRateLimit) +
    counters.total(BalancerCell.rejectedDenied) +
    counters.total(BalancerCell.rejectedNoRoute) +
    counters.total(BalancerCell.routeAnswers)
  )
}

/** The balancer's state and counters, as `/__lb/stats` shows them. */
export function collectStatistics(source: StatisticsSource) {
  const pools = source.pools()
  return {
    ...serverStatistics(source),
    pools: pools.map(poolStatistics),
    routes: source.routes().map(routeStatistics),
    backends: pools.flatMap(({ name, registry: { backends } }) =>
      backends.map((backend) => backendStatistics(backend, name))
    )
  }
}

/** State and counters of the whole balancer at one moment. */
export type ServerStatistics = ReturnType<typeof serverStatistics>

/** State and counters of the whole balancer, without those of its pools, routes and backends. */
export function serverStatistics(source: StatisticsSource) {
  const { registry, counters, latency, rates, startedAt } = source
  return {
    version: source.version,
    startedAt: startedAt.toISOString(),
    uptimeSeconds: (Date.now() - startedAt.getTime()) / 1000,
    state: registry.draining ? 'draining' : 'serving',
    panic: source.pools().some((pool) => pool.registry.panicking),
    lane: source.lane(),
    fleet: source.fleet ? fleetStatistics(source.fleet) : null,
    // Each is counted by its pool, and by the server: requests of all pools are bounded together.
    requests: requestStatistics(counters, counters.own.sum(BalancerCell.inFlight), rates),
    connections: {
      open: counters.own.sum(BalancerCell.openConnections),
      dropped: counters.total(BalancerCell.connectionsDropped),
      handshakesFailed: counters.total(BalancerCell.handshakesFailed),
      proxyHeadersRefused: counters.total(BalancerCell.proxyHeadersRefused),
      limit: source.maxSockets
    },
    threads: Array.from({ length: counters.own.threads }, (_, thread) => ({
      openConnections: counters.own.part(BalancerCell.openConnections, thread),
      inFlight: counters.own.part(BalancerCell.inFlight, thread)
    })),
    shortages: shortageStatistics(source),
    latency: latency.summary()
  }
}

/** What statistics say of one pool, and of the server around it, in the form of the whole. */
export function statisticsOfPool(all: Statistics, name: string): Statistics {
  const { pools, routes, backends, ...server } = all
  const { panic, requests, latency } = pools.find((pool) => pool.name === name)!
  return {
    ...server,
    panic,
    requests,
    latency,
    pools: pools.filter((pool) => pool.name === name),
    routes: routes.filter((route) => route.pools.includes(name)),
    backends: backends.filter(({ pool }) => pool === name)
  }
}

/** State and counters of a pool, without its backends. */
export function poolStatistics({ name, registry, sources, leases, latency, rates }: ShownPool) {
  const { backends, counters } = registry
  return {
    name,
    panic: registry.panicking,
    eligible: registry.eligibleCount,
    backends: backends.length,
    sources: sourcesOf({ sources, leases }).map(sourceStatistics),
    requests: requestStatistics(counters, registry.inFlight, rates),
    latency: latency.summary()
  }
}

/** What a source tells of its members. */
function sourceStatistics({ source, members, changedAt, toldAt, failure }: SourceStatus) {
  return {
    source,
    members,
    changedAt: changedAt?.toISOString() ?? null,
    toldAt: toldAt?.toISOString() ?? null,
    failure: failure ? { reason: failure.reason, since: failure.since.toISOString() } : null
  }
}

/** How the requests of a route have ended. */
function routeStatistics({ name, pools, counts }: ShownRoute) {
  const [none, ...classes] = counts.byClass
  const responses = Object.fromEntries(classes.map((count, i) => [`${i + 1}xx`, count]))
  const [answered, failed, skipped] = counts.mirrors as [number, number, number]
  return {
    name,
    pools,
    total: counts.total,
    unanswered: none!,
    responses,
    mirror: { answered, failed, skipped }
  }
}

function requestStatistics(counters: Reader, inFlight: number, rates: RateWindow) {
  return {
    inFlight,
    tunnels: counters.sum(BalancerCell.tunnels),
    queued: counters.sum(BalancerCell.queued),
    retrying: counters.sum(BalancerCell.retrying),
    retriesRefused: counters.total(BalancerCell.retriesRefused),
    total: requestTotal(counters),
    failed: counters.total(BalancerCell.failed),
    routeAnswers: counters.total(BalancerCell.routeAnswers),
    rejected: {
      overload: counters.total(BalancerCell.rejectedOverload),
      noBackend: counters.total(BalancerCell.rejectedNoBackend),
      queueFull: counters.total(BalancerCell.rejectedQueueFull),
      queueTimeout: counters.total(BalancerCell.rejectedQueueTimeout),
      outageTimeout: counters.total(BalancerCell.rejectedOutageTimeout),
      badRequest: counters.total(BalancerCell.rejectedRequest),
      rateLimit: counters.total(BalancerCell.rejectedRateLimit),
      denied: counters.total(BalancerCell.rejectedDenied),
      noRoute: counters.total(BalancerCell.rejectedNoRoute)
    },
    perSecond: rates.rates()
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
export function backendStatistics(backend: Backend, pool: string) {
  const { counters, lastCheck } = backend
  const { name } = backend.pool
  const responses = (hundreds: number) => counters.total(responsesCell(hundreds))
  return {
    pool,
    id: backend.id,
    address: backend.address,
    url: backend.origin,
    source: backend.source,
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
export function reportText({ requests, pools, backends }: Statistics): string {
  const lines = backends.map(
    ({ pool, id, address, state, active, total, failed }) =>
      `${pools.length > 1 ? `${pool} ` : ''}Backend[${id}] ${address}: Status=${state.toUpperCase()}, Active=${active}, Total=${total}, Failed=${failed}`
  )
  return [
    '=== Load Balancer Stats ===',
    `Total Active Connections: ${requests.inFlight}`,
    ...lines,
    '============================'
  ].join('\n')
}
