import { METHODS } from 'node:http'
import t from 'tap'
import { Histogram } from '../../../lib/base/latency/histogram.js'
import { LatencyWindow } from '../../../lib/base/latency/latency-window.js'
import { RateWindow } from '../../../lib/base/rates.js'
import { Shortages } from '../../../lib/base/shortage/shortages.js'
import type { SourceStatus } from '../../../lib/discovery/source-state.js'
import { exposition } from '../../../lib/observe/metrics/exposition.js'
import { HealthTransitions } from '../../../lib/observe/metrics/health-transitions.js'
import { RequestMetrics } from '../../../lib/observe/metrics/request-metrics.js'
import { ServerCounters } from '../../../lib/observe/server-counters.js'
import type { ShownRoute } from '../../../lib/observe/shown-route.js'
import type { Backend } from '../../../lib/pool/backend.js'
import { BackendCell, BalancerCell } from '../../../lib/pool/cells.js'
import { Registry } from '../../../lib/pool/registry.js'
import { DURATION_BOUNDS } from '../../../lib/pool/request-measures.js'
import { RouteCounts } from '../../../lib/proxy/route/route-counts.js'
import type { BackendPool } from '../../../lib/transport/backend-connections.js'
import { histogramFaults, readExposition, requestCounts } from '../../support/metrics.js'
import { registryOf } from '../../support/registry.js'

// Exposition

/** Of a registry and what counts beside it, without a server. */
function metricsOf(backends: string, routes: readonly ShownRoute[] = [], status: SourceStatus[] = []) {
  const registry = registryOf(backends)
  const requests = new RequestMetrics(registry)
  const transitions = new HealthTransitions(registry)
  const resolver = { answered: 5, failed: 2 }
  const shortages = new Shortages(() => {})
  registry.counters.change(BalancerCell.openConnections, 7)
  const latency = new LatencyWindow()
  const rates = new RateWindow()
  const backendList = { version: 'v' }
  const sources = { status }
  const pool = {
    name: 'web',
    registry,
    backendList,
    sources,
    requests,
    transitions,
    leases: undefined,
    resolver,
    latency,
    rates
  }
  const pools = () => [pool]
  const target = exposition({
    registry,
    counters: new ServerCounters(registry.counters, pools),
    pools,
    routes: () => routes,
    requests,
    shortages,
    fleet: undefined,
    version: '1.2.3'
  })
  const read = async () => readExposition(await target.metrics())
  return { registry, requests, read }
}

const A = { pool: 'web', backend: 'a:80' }
const B = { pool: 'web', backend: '[::1]:81' }

t.test('requests have the address of the backend that answered, or none', async (t) => {
  const { registry, requests, read } = metricsOf('a:80 [::1]:81')
  const [a, b] = registry.backends
  requests.count('GET', 200, a, 3)
  requests.count('GET', 200, b, 3)
  requests.count('GET', 200, b, 3)
  requests.count('BREW', 418, b, 3)
  requests.count('PUT', 0, undefined, 3)
  const exposed = await read()
  t.same(requestCounts(exposed), [
    '[::1]:81 GET 2xx: 2',
    '[::1]:81 other 4xx: 1',
    'a:80 GET 2xx: 1',
    'none PUT none: 1'
  ])
  t.same(histogramFaults(exposed), [])
  t.equal(exposed.sum('fairlead_request_duration_seconds_count'), 5)
})

t.test('histograms add up, each backend by itself', async (t) => {
  const { registry, read } = metricsOf('a:80 [::1]:81')
  const [a, b] = registry.backends.map(({ measures }) => measures.durations)
  for (const seconds of [0.0005, 0.02, 0.02, 45]) a!.observe(seconds)
  b!.observe(2)
  const exposed = await read()
  t.same(histogramFaults(exposed), [])
  const upTo = (le: string, labels: object) =>
    exposed.sum('fairlead_backend_duration_seconds_bucket', { ...labels, le })
  t.same(
    ['0.001', '0.01', '0.025', '30', '+Inf'].map((le) => upTo(le, A)),
    [1, 1, 3, 3, 4]
  )
  t.same(
    ['1', '2.5', '+Inf'].map((le) => upTo(le, B)),
    [0, 1, 1]
  )
  t.equal(exposed.sum('fairlead_backend_duration_seconds_sum', A), 45.0405)
  t.equal(exposed.sum('fairlead_backend_duration_seconds_count', B), 1)
})

t.test('routes after the thousandth have one label together', async (t) => {
  const routes = Array.from({ length: 1003 }, (_, i) => ({ name: `r${i}`, counts: new RouteCounts() }))
  for (const { counts } of routes.slice(999)) {
    counts.countAnswer(204)
    counts.countAnswer(999)
    counts.countMirror('failed')
  }
  const { read } = metricsOf('a:80', routes as unknown as ShownRoute[])
  const exposed = await read()
  const of = (route: string) => [
    exposed.sum('fairlead_route_requests_total', { route, code: '2xx' }),
    exposed.sum('fairlead_route_requests_total', { route, code: '5xx' }),
    exposed.sum('fairlead_route_requests_total', { route }),
    exposed.sum('fairlead_route_mirrored_total', { route, result: 'failed' }),
    exposed.sum('fairlead_route_mirrored_total', { route })
  ]
  t.same(of('r999'), [1, 1, 2, 1, 1])
  t.same(of('(others)'), [3, 3, 6, 3, 3])
  t.equal(exposed.sum('fairlead_route_requests_total', { route: 'r1000' }), undefined)
})

const REASONS = {
  overload: BalancerCell.rejectedOverload,
  no_backend: BalancerCell.rejectedNoBackend,
  queue_full: BalancerCell.rejectedQueueFull,
  queue_timeout: BalancerCell.rejectedQueueTimeout,
  outage_timeout: BalancerCell.rejectedOutageTimeout,
  bad_request: BalancerCell.rejectedRequest,
  rate_limit: BalancerCell.rejectedRateLimit,
  denied: BalancerCell.rejectedDenied
}

const BALANCER_GAUGES = {
  requests_in_flight: BalancerCell.inFlight,
  requests_queued: BalancerCell.queued,
  tunnels_open: BalancerCell.tunnels,
  retries_in_flight: BalancerCell.retrying
}
const BALANCER_FLAGS = { panic: BalancerCell.panic, draining: BalancerCell.draining }

t.test('counters of the registry are read on a scrape', async (t) => {
  const { registry, read } = metricsOf('a:80')
  const { counters } = registry
  await read()
  let amount = 0
  for (const cell of Object.values(REASONS)) counters.addTotal(cell, ++amount)
  for (const cell of Object.values(BALANCER_GAUGES)) counters.change(cell, ++amount)
  for (const cell of Object.values(BALANCER_FLAGS)) counters.set(cell, ++amount % 2)
  counters.addTotal(BalancerCell.connectionsDropped, 2 ** 40)
  counters.addTotal(BalancerCell.retriesRefused, 31)
  const exposed = await read()
  amount = 0
  for (const reason of Object.keys(REASONS))
    t.equal(exposed.sum('fairlead_requests_rejected_total', { reason }), ++amount, reason)
  for (const name of Object.keys(BALANCER_GAUGES)) t.equal(exposed.sum(`fairlead_${name}`), ++amount, name)
  for (const name of Object.keys(BALANCER_FLAGS)) t.equal(exposed.sum(`fairlead_${name}`), ++amount % 2, name)
  t.equal(exposed.sum('fairlead_client_connections_dropped_total'), 2 ** 40)
  t.equal(exposed.sum('fairlead_retries_refused_total'), 31)
  t.equal(exposed.sum('fairlead_client_connections'), 7)
  t.equal(exposed.sum('fairlead_info', { version: '1.2.3' }), 1)
})

const BACKEND_TOTALS = {
  attempts: BackendCell.total,
  failures: BackendCell.failed,
  retries: BackendCell.retries,
  unprocessed_retries: BackendCell.unprocessedRetries,
  hedges: BackendCell.hedges,
  ejections: BackendCell.ejections,
  received_bytes: BackendCell.bytesReceived,
  sent_bytes: BackendCell.bytesSent
}

t.test('each backend has its own counts', async (t) => {
  const { registry, read } = metricsOf('a:80;weight=3 [::1]:81')
  const [a, b] = registry.backends
  let amount = 0
  for (const cell of Object.values(BACKEND_TOTALS)) {
    a!.counters.addTotal(cell, ++amount)
    b!.counters.addTotal(cell, 100 * amount)
  }
  b!.counters.change(BackendCell.active, 9)
  b!.counters.set(BackendCell.effectiveWeight, 25)
  const exposed = await read()
  amount = 0
  for (const name of Object.keys(BACKEND_TOTALS)) {
    t.equal(exposed.sum(`fairlead_backend_${name}_total`, A), ++amount, name)
    t.equal(exposed.sum(`fairlead_backend_${name}_total`, B), 100 * amount, name)
  }
  const both = (name: string) => [A, B].map((labels) => exposed.sum(`fairlead_backend_${name}`, labels))
  t.same(both('requests_in_flight'), [0, 9])
  t.same(both('weight'), [3, 1])
  t.same(both('effective_weight'), [3, 0.25])
})

t.test('what each source tells is known, and since when', async (t) => {
  const source = 'dns://app:80'
  const { read } = metricsOf(
    'a:80',
    [],
    [
      { source, members: 3, changedAt: new Date(5000), toldAt: new Date(7500), failure: undefined },
      {
        source: 'etcd://x:2379/y',
        members: 2,
        changedAt: undefined,
        toldAt: undefined,
        failure: { reason: 'timeout', since: new Date() }
      }
    ]
  )
  const exposed = await read()
  const of = (source: string) =>
    ['members', 'failing', 'told_timestamp_seconds', 'changed_timestamp_seconds'].map((name) =>
      exposed.sum(`fairlead_source_${name}`, { pool: 'web', source })
    )
  t.same(of(source), [3, 0, 7.5, 5])
  t.same(of('etcd://x:2379/y'), [2, 1, undefined, undefined])
  t.equal(exposed.sum('fairlead_source_members'), 5)
})

t.test('a backend is in one state, and changes are counted', async (t) => {
  const { registry, read } = metricsOf('a:80 [::1]:81')
  const backend = registry.backends[1]!
  const shown = async () => {
    const exposed = await read()
    const states = ({ backend }: { backend: string }) =>
      exposed.samples
        .filter(
          ({ name, labels, value }) =>
            name === 'fairlead_backend_state' && labels.backend === backend && value
        )
        .map(({ labels: { state }, value }) => `${state} ${value}`)
    t.same(states(A), ['healthy 1'])
    t.equal(exposed.sum('fairlead_backend_eligible', A), 1)
    return [...states(B), exposed.sum('fairlead_backend_eligible', B)]
  }
  t.same(await shown(), ['healthy 1', 1])
  registry.setEjected(backend, true, 'test')
  t.same(await shown(), ['ejected 1', 0])
  registry.setDraining(backend, true, 'test')
  t.same(await shown(), ['draining 1', 0])
  registry.setDraining(backend, false, 'test')
  registry.setEjected(backend, false, 'test')
  registry.setState(backend, 'unhealthy', 'test')
  t.same(await shown(), ['unhealthy 1', 0])
  registry.setState(backend, 'healthy', 'test')
  t.same(await shown(), ['healthy 1', 1])
  const exposed = await read()
  const to = (to: string, labels: object) =>
    exposed.sum('fairlead_backend_health_transitions_total', { ...labels, to })
  t.same([to('unhealthy', B), to('healthy', B), to('unhealthy', A)], [1, 1, 0])
  t.equal(exposed.sum('fairlead_backend_ejections_total', B), 1)
})

// Request metrics

/** What counts the requests of three backends. */
function metricsOfThree() {
  const registry = registryOf('a:80 b:80 c:80')
  const metrics = new RequestMetrics(registry)
  const countsOf = () =>
    [{ id: -1, measures: metrics.measures }, ...registry.backends].flatMap(({ id, measures }) =>
      [...measures.counts()].map(({ method, code, count }) => [id, method, code, count])
    )
  return { registry, backends: registry.backends as [Backend, Backend, Backend], metrics, countsOf }
}

t.test('requests are counted by backend, method and class of status', async (t) => {
  const { backends, metrics, countsOf } = metricsOfThree()
  t.same(countsOf(), [])
  const [a, b, c] = backends
  metrics.count('GET', 200, a, 5)
  metrics.count('GET', 299, a, 5)
  metrics.count('GET', 200, c, 5)
  metrics.count('POST', 404, b, 5)
  metrics.count('DELETE', 502, undefined, 5)
  t.same(countsOf(), [
    [-1, 'DELETE', '5xx', 1],
    [0, 'GET', '2xx', 2],
    [1, 'POST', '4xx', 1],
    [2, 'GET', '2xx', 1]
  ])
})

t.test('each status has its class, also those beyond 599; without one it is none', async (t) => {
  for (const [status, code] of [
    [0, 'none'],
    [101, '1xx'],
    [200, '2xx'],
    [304, '3xx'],
    [499, '4xx'],
    [599, '5xx'],
    [600, '5xx'],
    [999, '5xx']
  ] as const) {
    const { backends, metrics, countsOf } = metricsOfThree()
    metrics.count('GET', status, backends[0], 1)
    t.same(countsOf(), [[0, 'GET', code, 1]], `${status}`)
  }
})

t.test('clients can create only few series', async (t) => {
  const { backends, metrics, countsOf } = metricsOfThree()
  const invented = Array.from({ length: 1000 }, (_, i) => `METHOD-${i}`)
  const odd = ['get', '', 'constructor', '__proto__', 'GET ', 'other']
  const methods = [...METHODS, ...invented, ...odd]
  for (const method of methods)
    for (let status = 0; status < 1000; status += 50)
      metrics.count(method, status, backends[(status % 4) as 0 | 1 | 2], 1)
  const series = countsOf()
  t.ok(series.length <= 4 * 8 * 6, `${series.length} series`)
  t.same([...new Set(series.map(([, method]) => method))].sort(), [
    'DELETE',
    'GET',
    'HEAD',
    'OPTIONS',
    'PATCH',
    'POST',
    'PUT',
    'other'
  ])
  const total = series.reduce((sum, [, , , count]) => sum + Number(count), 0)
  t.equal(total, methods.length * 20, 'and all are counted')
})

t.test('durations are kept in seconds, of all requests together', async (t) => {
  const { backends, metrics } = metricsOfThree()
  metrics.count('GET', 200, backends[0], 2)
  metrics.count('POST', 0, undefined, 700)
  metrics.count('GET', 503, undefined, 0)
  const { sum, counts } = metrics.measures.durations
  t.equal(sum, 0.702)
  t.equal(
    counts.reduce((all, some) => all + some),
    3
  )
})

t.test('server errors are those of all backends and of none, and stay when a backend leaves', async (t) => {
  const { registry, backends, metrics } = metricsOfThree()
  const [a, b, c] = backends
  t.equal(metrics.serverErrors, 0)
  for (const status of [0, 200, 404, 499, 500, 503, 999]) metrics.count('GET', status, c, 1)
  metrics.count('PURGE', 502, undefined, 1)
  metrics.count('POST', 500, a, 1)
  t.equal(metrics.serverErrors, 5)
  registry.remove(c)
  registry.remove(b)
  t.equal(metrics.serverErrors, 5)
  metrics.count('GET', 500, a, 1)
  metrics.count('GET', 500, c, 1)
  metrics.count('GET', 200, c, 1)
  t.equal(metrics.serverErrors, 7, 'also what it answers after that')
})

t.test('a pool with other settings goes on with what was counted', async (t) => {
  const { registry, backends, metrics } = metricsOfThree()
  metrics.count('GET', 500, undefined, 1)
  for (const backend of backends) metrics.count('GET', 500, backend, 1)
  registry.remove(backends[2])
  const configs = registry.backends.map(({ config }) => config)
  const createPool = () => ({ close: async () => {}, destroy: async () => {} }) as unknown as BackendPool
  const next = new Registry(configs, { createPool, initialState: 'healthy' }, registry)
  const after = new RequestMetrics(next, metrics)
  t.equal(after.serverErrors, 4)
  next.remove(next.backends[0]!)
  after.count('GET', 500, next.backends[0], 1)
  t.equal(after.serverErrors, 5)
})

// Health transitions

t.test('each change of a state is counted for its backend, by the state that it has come into', async (t) => {
  const registry = registryOf('a:80 b:80', { initialState: 'checking' })
  const transitions = new HealthTransitions(registry)
  const [a, b] = registry.backends as [(typeof registry.backends)[0], (typeof registry.backends)[0]]
  const counts = () =>
    [a, b].map((backend) => [transitions.count(backend, 'healthy'), transitions.count(backend, 'unhealthy')])
  t.same(counts(), [
    [0, 0],
    [0, 0]
  ])
  registry.setState(a, 'healthy', 'test')
  registry.setState(b, 'unhealthy', 'test')
  registry.setState(b, 'unhealthy', 'the same again')
  registry.setState(b, 'healthy', 'test')
  registry.setState(b, 'unhealthy', 'test')
  t.same(counts(), [
    [1, 0],
    [1, 2]
  ])
})

t.test('ejections and drains are no changes of health', async (t) => {
  const registry = registryOf('a:80')
  const transitions = new HealthTransitions(registry)
  const backend = registry.backends[0]!
  registry.setEjected(backend, true, 'test')
  registry.setEjected(backend, false, 'test')
  registry.setDraining(backend, true, 'test')
  for (const to of ['checking', 'healthy', 'unhealthy'] as const)
    t.equal(transitions.count(backend, to), 0, to)
})

// Histogram

t.test('a duration counts in the first bucket whose bound it does not exceed', async (t) => {
  const buckets = new Histogram([0.1, 1, 10])
  for (const seconds of [0, 0.1, 0.1000001, 1, 9.9, 10, 10.1, 1e6]) buckets.observe(seconds)
  t.same([...buckets.counts], [2, 2, 2, 2])
  t.ok(Math.abs(buckets.sum - (0.2000001 + 1 + 9.9 + 10 + 10.1 + 1e6)) < 1e-6)
})

t.test('what was not observed is not counted', async (t) => {
  const buckets = new Histogram(DURATION_BOUNDS)
  t.same([...buckets.counts], Array(DURATION_BOUNDS.length + 1).fill(0))
  t.equal(buckets.sum, 0)
})

t.test('the bounds of durations are ascending, from a millisecond to half a minute', async (t) => {
  t.same(
    [...DURATION_BOUNDS].sort((a, b) => a - b),
    DURATION_BOUNDS
  )
  t.equal(new Set(DURATION_BOUNDS).size, DURATION_BOUNDS.length)
  t.same([DURATION_BOUNDS[0], DURATION_BOUNDS.at(-1)], [0.001, 30])
})
