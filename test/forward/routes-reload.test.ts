import type { Test } from 'tap'
import { eventually, type RoutedBalancer, startRoutes, test } from '../helper.js'
import { scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`

/** Answers with a name; but to `/wait` only when it is told to. */
async function waiting(t: Test, name: string) {
  const release: (() => void)[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    const answer = () => void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`)
    if (startLine.includes('/wait')) release.push(answer)
    else answer()
  })
  const releaseAll = () => {
    for (const answer of release.splice(0)) answer()
  }
  return { backend, address: backend.address, release: releaseAll }
}

const body = async (t: Test, { port }: RoutedBalancer, target = '/') =>
  `${(await exchange(t, port, get(target))).body}`

test('a reload adds, removes and changes pools, and what is under way ends where it is', async (t) => {
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => waiting(t, name)))
  const balancer = await startRoutes(t, {
    pools: { web: { backends: [a!.address] }, old: { backends: [b!.address] } },
    routes: [{ match: { 'path-prefix': '/old' }, pool: 'old' }, { pool: 'web' }]
  })
  const clients = await Promise.all([0, 1].map(() => RawClient.open(t, balancer.port)))
  clients[0]!.send(get('/old/wait'))
  clients[1]!.send(get('/wait'))
  await eventually(() => balancer.registry.inFlight === 2)
  const web = balancer.pools()[0]!
  const { waitedMs: _, ...change } = await balancer.reload({
    pools: { web: { backends: [a!.address] }, next: { backends: [c!.address] } },
    routes: [{ match: { 'path-prefix': '/next' }, pool: 'next' }, { pool: 'web' }]
  })
  t.same(change, { added: ['next'], removed: ['old'], changed: [] })
  t.equal(balancer.pools()[0], web, 'a pool that stays is the same')
  t.equal(await body(t, balancer, '/next'), 'c')
  t.equal(await body(t, balancer, '/old'), 'a')
  t.match(balancer.stats().requests, { inFlight: 2, total: 4 })
  b!.release()
  t.equal(`${(await clients[0]!.response()).body}`, 'b')
  a!.release()
  t.equal(`${(await clients[1]!.response()).body}`, 'a')
  await eventually(() => b!.backend.sockets.size === 0)
  t.match(balancer.stats().requests, { inFlight: 0, total: 4 }, 'what a pool has counted stays counted')
  t.match(balancer.stats().pools, [{ name: 'web' }, { name: 'next' }])
})

test('a pool with other settings keeps what is known of its backends', async (t) => {
  const [a, b] = await Promise.all(['a', 'b'].map((name) => waiting(t, name)))
  const file = (more: object, ...backends: string[]) => ({
    pools: { web: { backends, ...more } },
    routes: [{ pool: 'web' }]
  })
  const balancer = await startRoutes(t, file({}, a!.address, `${b!.address};max=1`))
  const { registry } = balancer.pools()[0]!
  registry.setState(registry.backends[0]!, 'unhealthy', 'by the test')
  const client = await RawClient.open(t, balancer.port)
  client.send(get('/wait'))
  await eventually(() => registry.backends[1]!.active === 1)
  const settings = { 'queue-size': 0, algorithm: 'round-robin' }
  t.same(await balancer.reload(file(settings, a!.address, `${b!.address};max=1`)), {
    added: [],
    removed: [],
    changed: ['web'],
    waitedMs: 0
  })
  const after = balancer.pools()[0]!.registry
  t.not(after, registry)
  t.match(
    after.backends.map(({ state, reason, active }) => ({ state, reason, active })),
    [
      { state: 'unhealthy', reason: 'by the test', active: 0 },
      { state: 'healthy', active: 1 }
    ]
  )
  t.equal(statusOf(await exchange(t, balancer.port, get('/'))), 503, 'its only place is taken')
  b!.release()
  t.equal(`${(await client.response()).body}`, 'b')
  t.equal(await body(t, balancer), 'b')
  t.match(balancer.stats().backends, [{ total: 0 }, { total: 2, active: 0 }])
  await eventually(() => b!.backend.sockets.size === 1)
})

test('backends are not checked anew for other settings, but for other checks', async (t) => {
  let checks = 0
  const backend = await scripted(t, (_head, socket) => {
    checks++
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  })
  const file = (algorithm: string, url: string) => ({
    pools: { web: { backends: backend.address, algorithm, 'health-check': { url, period: 60 } } },
    routes: [{ pool: 'web' }]
  })
  const balancer = await startRoutes(t, file('p2c', '/a'))
  t.equal(checks, 1)
  for (const algorithm of ['round-robin', 'peak-ewma', 'p2c'])
    t.match(await balancer.reload(file(algorithm, '/a')), { changed: ['web'] })
  await exchange(t, balancer.port, get('/'))
  t.equal(checks, 2, 'and this request')
  await balancer.reload(file('p2c', '/b'))
  await eventually(() => checks === 3)
})

test('only the backends of a pool change: the others keep their connections', async (t) => {
  const [a, b] = await Promise.all(['a', 'b'].map((name) => waiting(t, name)))
  const file = (...backends: string[]) => ({ pools: { web: { backends } }, routes: [{ pool: 'web' }] })
  const balancer = await startRoutes(t, file(a!.address))
  t.equal(await body(t, balancer), 'a')
  t.match(await balancer.reload(file(a!.address, `${b!.address};weight=100`)), { changed: ['web'] })
  t.equal(await body(t, balancer), 'b')
  t.equal(a!.backend.connections, 1)
  t.match(await balancer.reload(file(a!.address, `${b!.address};weight=100`)), { changed: [] })
})

test('a route moves to a new pool when that has a backend that passed its check', async (t) => {
  let isWell = false
  const old = await waiting(t, 'old')
  const next = await scripted(t, (_request, socket) => {
    socket.write(`HTTP/1.1 ${isWell ? '200 OK' : '500 No'}\r\nContent-Length: 4\r\n\r\nnext`)
  })
  const file = (pool: string) => ({
    pools: {
      old: { backends: [old.address] },
      next: { backends: [next.address], 'health-check-period': 0.1 }
    },
    routes: [{ pool }]
  })
  const env = { LB_NO_HEALTH_CHECK: 'false' }
  const balancer = await startRoutes(
    t,
    { pools: { old: { backends: [old.address] } }, routes: [{ pool: 'old' }] },
    env
  )
  const reloaded = balancer.reload(file('next'))
  await eventually(() => next.requests.length > 2)
  t.equal(await body(t, balancer), 'old')
  isWell = true
  const { waitedMs } = await reloaded
  t.ok(waitedMs >= 100, 'three checks took that long')
  t.equal(await body(t, balancer), 'next')
})

test('a configuration that cannot be used changes nothing', async (t) => {
  const a = await waiting(t, 'a')
  const file = { pools: { web: { backends: [a.address] } }, routes: [{ pool: 'web' }] }
  const balancer = await startRoutes(t, file)
  t.throws(() => balancer.reload({ ...file, routes: [{ pool: 'none' }] }), { code: 'LB_BAD_CONFIG' })
  t.equal(await body(t, balancer), 'a')
  t.match(balancer.stats().routes, [{ name: 'route-1', total: 1 }])
})
