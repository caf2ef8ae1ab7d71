import { METHODS } from 'node:http'
import t from 'tap'
import { RequestMetrics } from '../../../../lib/observe/metrics/request-metrics.js'
import { NO_BACKEND_ID } from '../../../../lib/pool/backend-id.js'

const countsOf = (metrics: RequestMetrics) =>
  [NO_BACKEND_ID, 0, 1, 2].flatMap((id) =>
    [...metrics.countsOf(id)].map(({ method, code, count }) => [id, method, code, count])
  )

t.test('requests are counted by backend, method and class of status', async (t) => {
  const metrics = new RequestMetrics()
  t.same(countsOf(metrics), [])
  metrics.count('GET', 200, 0, 5)
  metrics.count('GET', 299, 0, 5)
  metrics.count('GET', 200, 2, 5)
  metrics.count('POST', 404, 1, 5)
  metrics.count('DELETE', 502, NO_BACKEND_ID, 5)
  t.same(countsOf(metrics), [
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
    const metrics = new RequestMetrics()
    metrics.count('GET', status, 0, 1)
    t.same(countsOf(metrics), [[0, 'GET', code, 1]], `${status}`)
  }
})

t.test('no client can make more than a few series', async (t) => {
  const metrics = new RequestMetrics()
  const invented = Array.from({ length: 1000 }, (_, i) => `METHOD-${i}`)
  const odd = ['get', '', 'constructor', '__proto__', 'GET ', 'other']
  const methods = [...METHODS, ...invented, ...odd]
  for (const method of methods)
    for (let status = 0; status < 1000; status += 50) metrics.count(method, status, (status % 3) - 1, 1)
  const series = countsOf(metrics)
  t.ok(series.length <= 3 * 8 * 6, `${series.length} series`)
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
  const requests = new RequestMetrics()
  requests.count('GET', 200, 0, 2)
  requests.count('POST', 0, NO_BACKEND_ID, 700)
  requests.count('GET', 503, NO_BACKEND_ID, 0)
  t.ok(Math.abs(requests.duration.sum - 0.702) < 1e-9)
  t.equal(
    requests.duration.counts.reduce((sum, count) => sum + count),
    3
  )
})

t.test('a backend that has left is forgotten', async (t) => {
  const metrics = new RequestMetrics()
  metrics.count('GET', 200, 1, 5)
  metrics.durationsOf(1).observe(5)
  metrics.forget(1)
  t.same(countsOf(metrics), [])
  t.equal(metrics.durationsOf(1).sum, 0)
})

t.test('server errors are those of all backends and of none, and stay when a backend leaves', async (t) => {
  const metrics = new RequestMetrics()
  t.equal(metrics.serverErrors, 0)
  for (const status of [0, 200, 404, 499, 500, 503, 999]) metrics.count('GET', status, 3, 1)
  metrics.count('PURGE', 502, NO_BACKEND_ID, 1)
  metrics.count('POST', 500, 0, 1)
  t.equal(metrics.serverErrors, 5)
  metrics.forget(3)
  metrics.forget(7)
  t.equal(metrics.serverErrors, 5)
  metrics.count('GET', 500, 4, 1)
  t.equal(metrics.serverErrors, 6)
})
