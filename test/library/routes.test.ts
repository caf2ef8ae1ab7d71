import Fastify from 'fastify'
import type { Test } from 'tap'
import {
  createLoadBalancer,
  type LoadBalancer,
  type LoadBalancerOptions,
  type RoutingOptions
} from '../../index.js'
import { atEnd, test } from '../helper.js'
import { fairlead } from '../support/application.js'
import { OK, type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'

const answering = (t: Test) => scripted(t, (_request, socket) => void socket.write(OK))
const pathsAt = ({ requests }: RawBackend) => requests.map(({ startLine }) => startLine.split(' ')[1])

/** Starts a load balancer without checks of health, and returns it with what sends it a request. */
async function start(
  t: Test,
  options: LoadBalancerOptions,
  prepare: (lb: LoadBalancer) => unknown = () => {}
) {
  const lb = createLoadBalancer({ noHealthCheck: true, statsInterval: 0, ...options })
  atEnd(t, () => lb.close())
  prepare(lb)
  await lb.listen({ host: '127.0.0.1', port: 0 })
  const { port } = lb.server.address() as { port: number }
  const statusOf = async (path: string, host = 'a.example') => {
    const { startLine } = await exchange(t, port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    return Number(startLine.split(' ')[1])
  }
  return { lb, statusOf }
}

test('requests go where the routes of the options say, and each pool has its own settings', async (t) => {
  const [web, api, apart] = await Promise.all([answering(t), answering(t), answering(t)])
  const { statusOf } = await start(t, {
    backends: apart.address,
    retries: 0,
    pools: {
      web: { backends: [{ address: web.address, weight: 3 }], healthCheck: { url: '/healthz', period: 1 } },
      'api.v2': { backends: api.address }
    },
    routes: [
      {
        match: { host: 'a.example', 'path-prefix': '/v2', method: ['GET', 'POST'] },
        pool: 'api.v2',
        rewrite: { 'path-prefix': '/' }
      },
      { match: { host: '*.example', path: '/teapot' }, respond: { status: 418 } },
      { match: { host: 'apart.example' }, pool: 'default' },
      { match: { host: '*.example' }, split: [{ pool: 'web' }, { pool: 'api.v2', weight: 0 }] }
    ]
  })
  t.equal(await statusOf('/v2/x?y'), 200)
  t.equal(await statusOf('/x'), 200)
  t.equal(await statusOf('/x', 'apart.example'), 200)
  t.equal(await statusOf('/teapot'), 418)
  t.equal(await statusOf('/x', 'b.test'), 404)
  t.same(pathsAt(api), ['/x?y'])
  t.match(pathsAt(web), ['/healthz', '/x'])
  t.same(pathsAt(apart), ['/x'])
})

test('each pool is asked and changed by its name', async (t) => {
  const [web, api, more] = await Promise.all([answering(t), answering(t), answering(t)])
  const { lb, statusOf } = await start(t, {
    pools: { web: { backends: web.address }, api: { backends: api.address } },
    routes: [
      { match: { 'path-prefix': '/api' }, pool: 'api' },
      { match: { path: '/no' }, respond: {} },
      { pool: 'web' }
    ]
  })
  t.same(lb.fairlead.names, ['web', 'api'])
  t.throws(() => lb.fairlead.pool(), { code: 'LB_NO_SUCH_POOL' })
  const pool = lb.fairlead.pool('api')
  t.equal(pool.name, 'api')
  t.match(pool.add(more.address), { pool: 'api', address: more.address })
  t.match(pool.drain(api.address), { orders: { draining: true } })
  for (const path of ['/api/1', '/api/2', '/x', '/no']) t.equal(await statusOf(path), 200)
  t.same(pathsAt(more), ['/api/1', '/api/2'])
  const stats = pool.stats()
  t.match(stats, {
    state: 'serving',
    requests: { total: 2 },
    latency: { count: 2 },
    pools: [{ name: 'api', backends: 2 }],
    routes: [{ name: 'route-1', total: 2 }],
    backends: [
      { address: api.address, total: 0 },
      { address: more.address, total: 2 }
    ]
  })
  t.equal(stats.backends.length, 2)
  t.notOk('connections' in stats)
  t.match(lb.fairlead.pool('web').stats(), { requests: { total: 1 }, backends: [{ total: 1 }] })
  const all = lb.fairlead.stats()
  t.match(all, { requests: { total: 4, routeAnswers: 1 }, pools: [{ name: 'web' }, { name: 'api' }] })
  t.equal(all.backends.length, 3)
  t.type(all.connections.open, 'number')
  pool.remove(api.address)
  t.throws(() => pool.remove(more.address), { code: 'LB_LAST_BACKEND' })
})

test('pools and routes are replaced as one, and what stays keeps its state', async (t) => {
  const [web, api, next] = await Promise.all([answering(t), answering(t), answering(t)])
  const { lb, statusOf } = await start(t, {
    pools: { web: { backends: web.address }, api: { backends: api.address } },
    routes: [{ match: { path: '/a' }, pool: 'api' }, { pool: 'web' }]
  })
  const kept = lb.fairlead.pool('api')
  const gone = lb.fairlead.pool('web')
  await statusOf('/a')
  t.match(kept.drain(api.address), { orders: { draining: true } })
  kept.add(next.address)

  const change = await lb.fairlead.replace({
    pools: { api: { backends: api.address, retries: 3 }, next: { backends: next.address } },
    routes: [
      { match: { path: '/n' }, pool: 'next' },
      { match: { path: '/a' }, pool: 'api' }
    ]
  })
  t.match(change, { added: ['next'], removed: ['web'], changed: ['api'] })
  t.same(lb.fairlead.names, ['api', 'next'])
  t.throws(() => gone.stats(), { code: 'LB_NO_SUCH_POOL' })
  t.match(kept.stats(), {
    requests: { total: 1 },
    backends: [{ address: api.address }, { address: next.address }]
  })
  t.same([await statusOf('/a'), await statusOf('/n'), await statusOf('/')], [200, 200, 404])
  t.same(pathsAt(next), ['/a', '/n'])

  // Routes alone, and then again with what was given last.
  await lb.fairlead.replace({
    routes: [
      { match: { path: '/r' }, pool: 'next' },
      { match: { path: '/s' }, pool: 'api' }
    ]
  })
  t.same([await statusOf('/n'), await statusOf('/r')], [404, 200])
  t.same(
    (
      await lb.fairlead.replace({
        pools: { api: { backends: api.address }, next: { backends: next.address } }
      })
    ).removed,
    []
  )
  t.equal(await statusOf('/s'), 200)
})

test('hooks that are added to a load balancer run for what has a route', async (t) => {
  const web = await answering(t)
  const options = {
    pools: { web: { backends: web.address } },
    routes: [{ match: { path: '/a' }, pool: 'web' }]
  }
  const { statusOf } = await start(t, options, (lb) =>
    lb.addHook('onRequest', async (request, reply) => {
      if (request.headers.host === 'secret.example') await reply.code(401).send()
    })
  )
  t.same([await statusOf('/a'), await statusOf('/a', 'secret.example')], [200, 401])
  t.equal(await statusOf('/none', 'secret.example'), 404)
  t.same(pathsAt(web), ['/a'])
})

test('what is wrong replaces nothing', async (t) => {
  const web = await answering(t)
  const { lb, statusOf } = await start(t, {
    pools: { web: { backends: web.address } },
    routes: [{ match: { path: '/a' }, pool: 'web' }]
  })
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ routes: [{ pool: 'wbe' }] }, /routes\[0\]\.pool names the pool "wbe"/],
    [{ pools: { web: {} } }, /pools\.web must have backends/],
    [{ pools: { other: { backends: web.address } } }, /routes\[0\]\.pool names the pool "web"/],
    [{ routes: [{ pool: 'web' }], retries: 1 }, /retries cannot be replaced while the server runs/],
    [{}, /pools or routes must be there/],
    [{ pools: null }, /pools must be a map of pools/],
    [{ routes: new Array(1) }, /routes\[0\]/],
    [{ routes: [() => {}] }, /routes\[0\] must be a text.* is a Function/],
    [undefined, /pools or routes must be there/]
  ]
  for (const [routing, message] of wrong)
    await t.rejects(lb.fairlead.replace(routing as RoutingOptions), { code: 'LB_BAD_CONFIG', message })
  t.same(lb.fairlead.names, ['web'])
  t.same([await statusOf('/a'), await statusOf('/b')], [200, 404])
})

test('what a program changes of its own options later, changes nothing', async (t) => {
  const [web, other] = await Promise.all([answering(t), answering(t)])
  const options = { pools: { web: { backends: [web.address] } }, routes: [{ pool: 'web' }] }
  const { lb, statusOf } = await start(t, options)
  options.pools.web.backends = [other.address]
  t.match(await lb.fairlead.replace({ routes: [{ pool: 'web' }] }), { changed: [] })

  const given = { web: { backends: [web.address], retries: 3 } }
  const change = lb.fairlead.replace({ pools: given })
  given.web.backends = [other.address]
  await change
  t.same(await statusOf('/'), 200)
  t.match(lb.fairlead.pool('web').stats().backends, [{ address: web.address }])
})

test('one replacement follows the other', async (t) => {
  const web = await answering(t)
  const { lb, statusOf } = await start(t, { backends: web.address, routes: [{ pool: 'default' }] })
  t.same(lb.fairlead.names, ['default'])
  const pools = Object.fromEntries(['a', 'b', 'c'].map((name) => [name, { backends: web.address }]))
  const changes = await Promise.all([
    lb.fairlead.replace({ pools }),
    lb.fairlead.replace({ routes: [{ pool: 'a' }, { match: { path: '/404' }, respond: { status: 404 } }] }),
    lb.fairlead.replace({ pools: { a: pools.a! } })
  ])
  t.match(changes, [{ added: ['a', 'b', 'c'] }, { added: [] }, { removed: ['b', 'c'] }])
  t.same(lb.fairlead.names, ['a', 'default'])
  t.same([await statusOf('/'), await statusOf('/404')], [200, 404])
})

test('only a load balancer that has routes, and is ready, can have them replaced', async (t) => {
  const web = await answering(t)
  const lb = createLoadBalancer({ backends: web.address, noHealthCheck: true })
  atEnd(t, () => lb.close())
  const routing = { routes: [{ pool: 'default' }] }
  await t.rejects(lb.fairlead.replace(routing), { code: 'LB_NOT_READY' })
  t.throws(() => lb.fairlead.stats(), { code: 'LB_NOT_READY' })
  await lb.ready()
  await t.rejects(lb.fairlead.replace(routing), { code: 'LB_NO_ROUTES' })
  t.match(lb.fairlead.stats(), { pools: [{ name: 'default' }], backends: [{ address: web.address }] })
  t.same(lb.fairlead.names, ['/'])
  t.notOk('connections' in lb.fairlead.pool().stats())
})

test('a pool in an application has no pools and routes of its own', async (t) => {
  const app = Fastify()
  atEnd(t, () => app.close())
  app.register(fairlead, { backends: 'a:1', pools: {}, routes: [] } as object)
  await t.rejects(async () => app.ready(), {
    code: 'LB_BAD_CONFIG',
    message: /pools is for a whole server to have: see createLoadBalancer\n *routes is for a whole server/
  })
})
