import { collectDefaultMetrics, Registry as Exposition, type Metric } from 'prom-client'
import type { TotalCell } from '../../base/cells/cell.js'
import { RESOURCES } from '../../base/shortage/resource.js'
import { type Shortages, USES } from '../../base/shortage/shortages.js'
import { type Backend, STATES, WEIGHT_UNIT } from '../../pool/backend.js'
import { BackendCell, BalancerCell } from '../../pool/cells.js'
import type { ShownFleet } from '../fleet-statistics.js'
import type { ServerCounters } from '../server-counters.js'
import type { ShownPool } from '../shown-pool.js'
import type { ShownRoute } from '../shown-route.js'
import type { RequestMetrics } from './request-metrics.js'
import { mirrorSamples, routeSamples } from './route-samples.js'
import { countsOf, type Sample, samplesOf, sumOf } from './samples.js'
import { sourceSamples, timestamp } from './source-samples.js'

export interface MetricsSource {
  /** Whether the server drains. */
  readonly registry: { readonly draining: boolean }
  readonly counters: ServerCounters
  readonly pools: () => readonly ShownPool[]
  readonly routes: () => readonly ShownRoute[]
  /** Requests that went to no pool; those of the only pool, where there is one. */
  readonly requests: RequestMetrics
  readonly version: string
  readonly shortages: Shortages
  readonly fleet: ShownFleet | undefined
}

const PREFIX = 'fairlead_'
/** Node's metrics that iterate over every open connection; some also have a name that only counters may have. */
const UNWANTED = ['handles', 'requests', 'resources'].flatMap((what) => [
  `nodejs_active_${what}`,
  `nodejs_active_${what}_total`
])
/** The label of requests that no backend answered. No address can be the same, as it has a port or a path. */
const NO_BACKEND = 'none'
/** The label of requests that went to no pool. */
const NO_POOL = 'none'
/** A backend never changes back to `checking`. */
const CHECKED_STATES = STATES.filter((state) => state !== 'checking')

const REJECTIONS = {
  overload: BalancerCell.rejectedOverload,
  no_backend: BalancerCell.rejectedNoBackend,
  queue_full: BalancerCell.rejectedQueueFull,
  queue_timeout: BalancerCell.rejectedQueueTimeout,
  outage_timeout: BalancerCell.rejectedOutageTimeout,
  bad_request: BalancerCell.rejectedRequest,
  rate_limit: BalancerCell.rejectedRateLimit,
  denied: BalancerCell.rejectedDenied,
  no_route: BalancerCell.rejectedNoRoute
}

/**
 * All metrics, for Prometheus. Counters that exist anyway are read on a scrape, so that a request pays nothing for
 * them.
 */
export function exposition(source: MetricsSource): Exposition {
  const { registry, counters, pools, requests } = source
  const target = new Exposition()
  collectDefaultMetrics({ register: target })
  for (const name of UNWANTED) target.removeSingleMetric(name)

  const add = (
    type: 'counter' | 'gauge' | 'histogram',
    name: string,
    help: string,
    collect: () => Sample[]
  ) => {
    const get = async () => ({ name: PREFIX + name, help, type, values: collect(), aggregator: 'sum' })
    // The library's own classes keep a map of labels for each sample, and want to be told of each change.
    target.registerMetric({ name: PREFIX + name, help, type, get } as unknown as Metric)
  }
  const gauge = (name: string, help: string, read: () => number) =>
    add('gauge', name, help, () => [{ value: read() }])
  const counter = (name: string, help: string, read: () => number) =>
    add('counter', name, help, () => [{ value: read() }])
  const ofEach = (samples: (pool: ShownPool, backend: Backend) => Sample[]) =>
    pools().flatMap((pool) => pool.registry.backends.flatMap((backend) => samples(pool, backend)))
  const ofBackends = (
    type: 'counter' | 'gauge',
    name: string,
    help: string,
    read: (backend: Backend) => number
  ) =>
    add(type, `backend_${name}`, help, () =>
      ofEach(({ name: pool }, backend) => [
        { labels: { pool, backend: backend.address }, value: read(backend) }
      ])
    )
  const totals = (name: string, help: string, cell: TotalCell) =>
    ofBackends('counter', name, help, (backend) => backend.counters.total(cell))

  add('gauge', 'info', 'Always 1; the version is a label', () => [
    { labels: { version: source.version }, value: 1 }
  ])
  gauge('requests_in_flight', 'Requests that are being worked on', () =>
    counters.own.sum(BalancerCell.inFlight)
  )
  gauge('requests_queued', 'Requests that wait for a backend', () => counters.sum(BalancerCell.queued))
  gauge('tunnels_open', 'Connections that have changed to another protocol', () =>
    counters.sum(BalancerCell.tunnels)
  )
  gauge('retries_in_flight', 'Attempts under way that are not the first of their request', () =>
    counters.sum(BalancerCell.retrying)
  )
  add('gauge', 'panic', '1 while unhealthy backends are used, as no other is left', () =>
    pools().map(({ name: pool, registry: { panicking } }) => ({ labels: { pool }, value: Number(panicking) }))
  )
  gauge('draining', '1 from the signal to end until the end', () => Number(registry.draining))
  gauge('client_connections', 'Client connections open', () => counters.own.sum(BalancerCell.openConnections))
  counter(
    'client_connections_dropped_total',
    'Client connections closed unanswered as too many were open',
    () => counters.total(BalancerCell.connectionsDropped)
  )
  add('counter', 'shortages_total', 'What failed as this machine had too little, by resource and use', () =>
    RESOURCES.flatMap((resource) =>
      USES.map((use) => ({ labels: { resource, use }, value: source.shortages.total(resource, use) }))
    )
  )
  counter('access_log_lines_dropped_total', 'Lines of the access log that could not be written in time', () =>
    counters.total(BalancerCell.logLinesDropped)
  )
  counter(
    'clients_unreadable_total',
    'Requests from trusted proxies that do not say in a readable way who the client is',
    () => counters.total(BalancerCell.clientsUnreadable)
  )
  counter(
    'proxy_headers_refused_total',
    'Client connections that were closed as they did not begin with a right header of the PROXY protocol',
    () => counters.total(BalancerCell.proxyHeadersRefused)
  )
  counter('retries_refused_total', 'Retries for which the retry budget had no place in time', () =>
    counters.total(BalancerCell.retriesRefused)
  )
  add('counter', 'requests_rejected_total', 'Requests that the balancer refused, by reason', () =>
    Object.entries(REJECTIONS).map(([reason, cell]) => ({ labels: { reason }, value: counters.total(cell) }))
  )
  add(
    'counter',
    'requests_total',
    'Requests that have ended, by pool, the backend that answered, method and status',
    () => [
      ...(pools().some((pool) => pool.requests === requests)
        ? []
        : countsOf(requests.measures, { pool: NO_POOL, backend: NO_BACKEND })),
      ...pools().flatMap(({ name: pool, requests: ofPool, registry: { backends } }) =>
        [{ measures: ofPool.measures, address: NO_BACKEND }, ...backends].flatMap(
          ({ measures, address: backend }) => countsOf(measures, { pool, backend })
        )
      )
    ]
  )
  add(
    'histogram',
    'request_duration_seconds',
    'From the head of a request to the end of its response, or to the start of a tunnel',
    () =>
      pools().flatMap(({ name: pool, requests: { measures } }) =>
        samplesOf(`${PREFIX}request_duration_seconds`, measures.durations, { pool })
      )
  )
  add('histogram', 'backend_duration_seconds', 'From the end of a request to the head of its response', () =>
    ofEach(({ name: pool }, { measures, address: backend }) =>
      samplesOf(`${PREFIX}backend_duration_seconds`, measures.durations, { pool, backend })
    )
  )
  add('counter', 'route_requests_total', 'Requests that have ended, by route and status', () =>
    routeSamples(source.routes())
  )
  add('counter', 'route_mirrored_total', 'Requests for a further pool, by what has become of them', () =>
    mirrorSamples(source.routes())
  )
  const { fleet } = source
  if (fleet) {
    gauge('fleet_members', 'Threads of all balancers that share a store', () => fleet.members)
    gauge('fleet_store_connected', '1 while the store answers', () => Number(fleet.status.isConnected))
  }
  const ofSources = (name: string, help: string, read: Parameters<typeof sourceSamples>[1]) =>
    add('gauge', `source_${name}`, help, () => sourceSamples(pools(), read))
  ofSources('members', 'Backends that it tells of', ({ members }) => members)
  ofSources('failing', '1 while it cannot tell of its backends', ({ failure }) =>
    Number(failure !== undefined)
  )
  ofSources('told_timestamp_seconds', 'When it last told of its backends', ({ toldAt }) => timestamp(toldAt))
  ofSources('changed_timestamp_seconds', 'When its backends last changed', ({ changedAt }) =>
    timestamp(changedAt)
  )
  ofBackends('gauge', 'eligible', '1 while it may be given requests', ({ eligible }) => Number(eligible))
  add('gauge', 'backend_state', '1 for the state that a backend is in, 0 for the others', () =>
    ofEach(({ name: pool }, { address: backend, status }) =>
      [...STATES, 'ejected', 'draining', 'terminating'].map((state) => ({
        labels: { pool, backend, state },
        value: Number(state === status)
      }))
    )
  )
  ofBackends('gauge', 'requests_in_flight', 'Requests that it is working on', ({ active }) => active)
  ofBackends('gauge', 'weight', 'Share of the load as configured', ({ weight }) => weight)
  ofBackends(
    'gauge',
    'effective_weight',
    'The same as it is now',
    (backend) => backend.effectiveWeight / WEIGHT_UNIT
  )
  ofBackends(
    'gauge',
    'addresses',
    'Addresses that its name stands for; 0 for none yet, or no name',
    (backend) => backend.pool.name?.addresses.length ?? 0
  )
  ofBackends('gauge', 'lookup_failing', '1 while its name cannot be looked up', (backend) =>
    Number(backend.pool.name?.fault !== undefined)
  )
  add('gauge', 'backend_address_info', 'Always 1, for each address that its name stands for', () =>
    ofEach(({ name: pool }, backend) =>
      (backend.pool.name?.addresses ?? []).map((address) => ({
        labels: { pool, backend: backend.address, address },
        value: 1
      }))
    )
  )
  add('counter', 'name_lookups_total', 'Look-ups of names of backends, by result', () => [
    { labels: { result: 'answered' }, value: sumOf(pools(), ({ resolver }) => resolver.answered) },
    { labels: { result: 'failed' }, value: sumOf(pools(), ({ resolver }) => resolver.failed) }
  ])
  totals('attempts_total', 'Requests that were sent to it, retries and hedges included', BackendCell.total)
  totals('failures_total', 'Attempts that were refused, reset, timed out or broken', BackendCell.failed)
  totals('retries_total', 'Requests that failed here and were tried again', BackendCell.retries)
  totals(
    'unprocessed_retries_total',
    'Of its retries, those of requests that it had not looked at',
    BackendCell.unprocessedRetries
  )
  totals('hedges_total', 'Requests it was asked beside a silent backend', BackendCell.hedges)
  totals('ejections_total', 'Times that it was kept out by passive means', BackendCell.ejections)
  totals('received_bytes_total', 'Bytes of response bodies', BackendCell.bytesReceived)
  totals('sent_bytes_total', 'Bytes of request bodies', BackendCell.bytesSent)
  add('counter', 'backend_health_transitions_total', 'Changes of the state that health checks see', () =>
    ofEach(({ name: pool, transitions }, backend) =>
      CHECKED_STATES.map((to) => ({
        labels: { pool, backend: backend.address, to },
        value: transitions.count(backend, to)
      }))
    )
  )
  return target
}
