import type { Test } from 'tap'
import { eventually, startRoutes, test } from '../helper.js'
import { call } from '../support/api.js'
import { scrape } from '../support/metrics.js'
import { type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const named = (name: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`
const get = (target: string, host = 'x') => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
const codeOf = ({ body }: Message) => JSON.parse(`${body}`).code as string

/** Backends that answer with their names. */
const backends = (t: Test, ...names: string[]) =>
  Promise.all(names.map((name) => scripted(t, (_request, socket) => void socket.write(named(name)))))

const pool = ({ address }: RawBackend, more: object = {}) => ({ backends: [address], ...more })

test('requests go to the pool of their route, as they came', async (t) => {
  const [web, api] = await backends(t, 'web', 'api')
  const { port } = await startRoutes(t, {
    pools: { web: pool(web!), api: pool(api!) },
    routes: [
      { match: { host: 'api.example', 'path-prefix': '/v2' }, pool: 'api' },
      { match: { 'path-prefix': '/' }, pool: 'web' }
    ]
  })
  const answered = async (target: string, host: string) =>
    `${(await exchange(t, port, get(target, host))).body}`
  t.equal(await answered('/v2/users?q=%2F', 'API.example:8080'), 'api')
  t.equal(await answered('/v2', 'other.example'), 'web')
  t.equal(await answered('/%762/x', 'api.example'), 'api', 'matched by its normal form')
  t.same(
    api!.requests.map(({ startLine }) => startLine),
    ['GET /v2/users?q=%2F HTTP/1.1', 'GET /%762/x HTTP/1.1']
  )
  t.equal(await answered('/v22', 'api.example'), 'web')
})

test('a request without a route is answered 404, one with an ambiguous path 400', async (t) => {
  const [web, admin] = await backends(t, 'web', 'admin')
  const balancer = await startRoutes(t, {
    pools: { web: pool(web!), admin: pool(admin!) },
    routes: [
      { match: { 'path-prefix': '/admin' }, pool: 'admin' },
      { match: { 'path-prefix': '/pub' }, pool: 'web' }
    ]
  })
  const lost = await exchange(t, balancer.port, get('/elsewhere'))
  t.same([statusOf(lost), codeOf(lost)], [404, 'LB_NO_ROUTE'])
  const twofold = await exchange(t, balancer.port, get('/pub/..%2fadmin'))
  t.same([statusOf(twofold), codeOf(twofold)], [400, 'LB_AMBIGUOUS_PATH'])
  t.same([web!.requests.length, admin!.requests.length], [0, 0])
  const { requests } = balancer.stats()
  t.match(requests, { total: 2, rejected: { noRoute: 1, badRequest: 1 } })
})

test('upgrades are routed, and requests behind one another on a connection each by itself', async (t) => {
  const [web] = await backends(t, 'web')
  const echo = await scripted(t, (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.on('data', (bytes) => socket.write(bytes))
  })
  const { port } = await startRoutes(t, {
    pools: { web: pool(web!), echo: pool(echo) },
    routes: [{ match: { path: '/echo' }, pool: 'echo' }, { pool: 'web' }]
  })
  const client = await RawClient.open(t, port)
  client.send(get('/a') + get('/b'))
  t.equal(`${(await client.response()).body}`, 'web')
  t.equal(`${(await client.response()).body}`, 'web')
  client.send('GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  t.equal(statusOf(await client.response()), 101)
  t.equal(echo.requests.length, 1)
  client.abort()
})

test('limits are those of each pool, and LB_MAX_CONNECTIONS bounds all', async (t) => {
  const silent = await scripted(t, () => {})
  const [web] = await backends(t, 'web')
  const balancer = await startRoutes(
    t,
    {
      pools: {
        small: { backends: [`${silent.address};max=1`], 'queue-size': 0 },
        large: pool(silent),
        web: pool(web!)
      },
      routes: [
        { match: { 'path-prefix': '/small' }, pool: 'small' },
        { match: { 'path-prefix': '/large' }, pool: 'large' },
        { pool: 'web' }
      ]
    },
    { LB_MAX_CONNECTIONS: '2' }
  )
  const [first, second] = await Promise.all([0, 1].map(() => RawClient.open(t, balancer.port)))
  first!.send(get('/small'))
  await eventually(() => balancer.registry.inFlight === 1)
  t.equal(codeOf(await exchange(t, balancer.port, get('/small'))), 'LB_QUEUE_FULL')
  t.equal(`${(await exchange(t, balancer.port, get('/'))).body}`, 'web', 'another pool is not concerned')
  second!.send(get('/large'))
  await eventually(() => balancer.registry.inFlight === 2)
  t.equal(codeOf(await exchange(t, balancer.port, get('/'))), 'LB_OVERLOADED')
  t.same(
    balancer.pools().map(({ registry }) => registry.inFlight),
    [1, 1, 0]
  )
  first!.abort()
  second!.abort()
})

test('the log names the pool of a backend', async (t) => {
  const [web] = await backends(t, 'web')
  const { port, log } = await startRoutes(t, {
    pools: { web: pool(web!), broken: { backends: ['127.0.0.1:1'] } },
    routes: [{ match: { path: '/broken' }, pool: 'broken' }, { pool: 'web' }]
  })
  t.equal(statusOf(await exchange(t, port, get('/broken'))), 502)
  const warnings = log.filter(({ level }) => level >= 40)
  t.ok(warnings.length > 0)
  for (const { pool, msg } of warnings) t.equal(pool, 'broken', msg)
})

test('statistics, metrics and the API speak of pools and routes', async (t) => {
  const [web, api] = await backends(t, 'web', 'api')
  const balancer = await startRoutes(
    t,
    {
      pools: { web: pool(web!), api: pool(api!) },
      routes: [{ name: 'to-api', match: { 'path-prefix': '/api' }, pool: 'api' }, { pool: 'web' }]
    },
    { LB_ADMIN_TOKEN: 'a-token-of-tests-only' }
  )
  const { port } = balancer
  for (const target of ['/api/1', '/api/2', '/']) await exchange(t, port, get(target))
  const stats = balancer.stats()
  t.match(stats.pools, [
    { name: 'web', backends: 1, eligible: 1, requests: { total: 1, inFlight: 0 }, latency: { count: 1 } },
    { name: 'api', requests: { total: 2 }, latency: { count: 2 } }
  ])
  t.match(stats.routes, [
    { name: 'to-api', pools: ['api'], total: 2, responses: { '2xx': 2 } },
    { name: 'route-2', pools: ['web'], total: 1 }
  ])
  t.match(stats, { requests: { total: 3 }, latency: { count: 3 } })
  t.same(
    stats.backends.map(({ pool, address, total }) => [pool, address, total]),
    [
      ['web', web!.address, 1],
      ['api', api!.address, 2]
    ]
  )
  const metrics = await scrape(port)
  t.equal(metrics.sum('fairlead_route_requests_total', { route: 'to-api', code: '2xx' }), 2)
  t.equal(metrics.sum('fairlead_requests_total', { pool: 'api', backend: api!.address }), 2)
  t.equal(metrics.sum('fairlead_backend_attempts_total', { pool: 'web' }), 1)

  const old = await call(port, 'GET', '/backends')
  t.match(old, { status: 409, json: { code: 'LB_POOL_NEEDED' } })
  t.match(old.json.message, '/__lb/api/pools/{pool}/backends')
  t.match((await call(port, 'GET', '/pools')).json, { pools: [{ name: 'web' }, { name: 'api' }] })
  t.match((await call(port, 'GET', '/pools/none/backends')).json, { code: 'LB_NO_SUCH_POOL' })
  const path = `/pools/api/backends/${encodeURIComponent(api!.address)}`
  const drained = await fetch(`http://127.0.0.1:${port}/__lb/api${path}`, {
    method: 'PATCH',
    headers: { Authorization: 'Bearer a-token-of-tests-only', 'Content-Type': 'application/json' },
    body: '{"draining":true}'
  })
  t.equal(drained.status, 200)
  t.match(await drained.json(), { pool: 'api', state: 'draining' })
  const refused = await exchange(t, port, get('/api/3'))
  t.same([statusOf(refused), codeOf(refused)], [503, 'LB_NO_BACKEND'])
  t.ok(fieldValue(refused.fields, 'retry-after'))
  t.equal(statusOf(await exchange(t, port, get('/'))), 200)
  const { pools, requests } = balancer.stats()
  t.match([pools[1]!.requests.rejected.noBackend, requests.rejected.noBackend, requests.total], [1, 1, 5])
})
