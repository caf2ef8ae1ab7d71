import { eventually, startBalancer, startRoutes, test } from '../helper.js'
import { TOKEN } from '../support/api.js'
import { EventListener, GET_EVENTS, giveMuchToTell, TALKED_OF } from '../support/event-stream.js'
import { answering, OK, refusing, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

const LIMIT = 32

const asking = (...fields: string[]) =>
  ['GET /__lb/events HTTP/1.1', 'Host: lb.internal', ...fields, '', ''].join('\r\n')

test('the first event is a snapshot with the history, then the state follows every second', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, registry, stats } = await startBalancer(t, [backend, await refusing(t)])
  const [, other] = registry.backends
  registry.setState(other!, 'unhealthy', 'test')
  const listener = await EventListener.open(t, port)
  t.match(listener.head, /^HTTP\/1\.1 200 OK\r\n/)
  t.match(listener.head.toLowerCase(), 'content-type: text/event-stream; charset=utf-8')
  t.match(listener.head.toLowerCase(), 'cache-control: no-store')
  const all = await listener.event(0)
  t.ok(listener.text.startsWith('retry: 1000\n\nevent: all\n'))
  t.match(all, { name: 'all', data: { state: 'serving', isWritable: false, samples: [] } })
  const { uptimeSeconds: _uptime, ...shown } = stats()
  t.match(all.data, JSON.parse(JSON.stringify(shown)), 'and all of the statistics')
  t.match(all.data.backends, [
    { address: backend.address, changes: [{ to: 'healthy' }], orders: { draining: false } },
    { state: 'unhealthy', changes: [{ to: 'healthy' }, { to: 'unhealthy', reason: 'test' }] }
  ])
  for (let i = 0; i < 3; i++) await exchange(t, port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const ticks = [await listener.event(1), await listener.event(2)]
  t.match(ticks, [{ name: 'tick' }, { name: 'tick' }])
  const told = ticks.flatMap(({ data }) => data.backends.changed)
  t.match(told, [{ pool: 'default', id: 0, total: 3, latency: { count: 3 }, responses: { '2xx': 3 } }])
  t.ok(told[0].latency.sumMs > 0)
  t.same(Object.keys(told[0].responses), ['2xx'], 'what has not changed is not told')
  t.notOk('address' in told[0] || 'changes' in told[0] || 'keys' in ticks[1]!.data.backends)
  t.ok(ticks[1]!.data.sample.requests >= 0)
  registry.setDraining(other!, true, 'by hand')
  const { data } = await listener.event(3)
  t.match(data.backends.changed, [
    {
      id: 1,
      state: 'draining',
      orders: { draining: true },
      changes: [{}, {}, { to: 'draining', reason: 'by hand' }]
    }
  ])
  const late = await EventListener.open(t, port)
  const { samples, backends } = (await late.event(0)).data
  t.ok(samples.length >= 2, 'who comes later sees what came before')
  t.equal(backends[0].perSecond.length, samples.length)
  t.equal(backends[1].changes.length, 3)
})

test('the events say whether changes are possible', async (t) => {
  const { port, fastify } = await startBalancer(t, [await refusing(t)], { LB_ADMIN_TOKEN: TOKEN })
  const { data } = await (await EventListener.open(t, port)).event(0)
  t.equal(data.isWritable, true)
  const list = await fastify.inject('/__lb/api/backends')
  t.equal(`"${data.pools[0].version}"`, list.headers.etag, 'and for which version of the list')
})

test('of pools and routes those are told that have changed, and who comes later knows the others', async (t) => {
  const web = await scripted(t, answering(OK))
  const { port, pools } = await startRoutes(t, {
    pools: { web: { backends: [web.address] }, api: { backends: ['a.example:80'] } },
    routes: [
      { name: 'api', match: { host: 'api.example', method: ['GET', 'POST'] }, pool: 'api' },
      { name: 'old', match: { 'path-prefix': '/old' }, redirect: { 'path-prefix': '/new', status: 308 } },
      { name: 'web', pool: 'web' }
    ]
  })
  const listener = await EventListener.open(t, port)
  const { data: all } = await listener.event(0)
  t.match(all.pools, [
    { name: 'web', version: pools()[0]!.backendList.version, eligible: 1, requests: { total: 0 } },
    { name: 'api' }
  ])
  t.same(all.routes, [
    { name: 'api', match: 'GET, POST · api.example', leadsTo: 'api', counts: [0, 0, 0, 0, 0, 0] },
    { name: 'old', match: '/old/…', leadsTo: 'redirect 308 to /new/…', counts: [0, 0, 0, 0, 0, 0] },
    { name: 'web', match: 'everything', leadsTo: 'web', counts: [0, 0, 0, 0, 0, 0] }
  ])
  await listener.event(1)
  for (const target of ['/', '/old/x', '/'])
    await exchange(t, port, `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
  const { routes } = (await listener.event(2)).data
  t.same(routes, {
    changed: [
      { name: 'old', counts: [0, 0, 0, 1, 0, 0] },
      { name: 'web', counts: [0, 0, 2, 0, 0, 0] }
    ]
  })
  const ticks = (await Promise.all([1, 2, 3].map((number) => listener.event(number)))).map(({ data }) => data)
  t.ok(
    ticks.every((tick) => !tick.pools.keys && tick.pools.changed.every(({ name }: Named) => name === 'web'))
  )
  const { requests } = ticks.flatMap(({ pools }) => pools.changed)[0]
  t.same([requests.total, 'inFlight' in requests], [2, false])
  const late = (await (await EventListener.open(t, port)).event(0)).data
  t.same(late.routes[2].counts, [0, 0, 2, 0, 0, 0])
  t.match(late.pools, [
    { name: 'web', requests: { total: 2 } },
    { name: 'api', requests: { total: 0 } }
  ])
  await pools()[1]!.registry.add(pools()[0]!.registry.backends[0]!.config)
  const { backends } = (await listener.event(4)).data
  t.same(backends.keys, ['web/0', 'api/0', 'api/1'])
  t.match(backends.changed, [{ pool: 'api', id: 1, address: web.address, weight: 1 }])
})

interface Named {
  readonly name: string
}

test('a subscriber beyond the limit is answered 503', async (t) => {
  const { port, fastify } = await startBalancer(t, [await refusing(t)])
  const listeners = await Promise.all(Array.from({ length: LIMIT }, () => EventListener.open(t, port)))
  for (const request of [GET_EVENTS, GET_EVENTS.replace('GET', 'HEAD')]) {
    const refusal = await exchange(t, port, request, { head: request.startsWith('HEAD') })
    t.equal(statusOf(refusal), 503)
    t.equal(fieldValue(refusal.fields, 'retry-after'), '5')
  }
  t.equal((await fastify.inject('/__lb/stats')).statusCode, 200)
  listeners[0]!.client.abort()
  await eventually(async () => {
    const client = await RawClient.open(t, port)
    client.send(GET_EVENTS)
    await client.until((text) => text.includes('\r\n\r\n'))
    return client.received.includes('200 OK')
  })
})

test('HEAD is answered like GET, and takes no place', async (t) => {
  const { port } = await startBalancer(t, [await refusing(t)])
  const client = await RawClient.open(t, port)
  for (let i = 0; i < LIMIT + 1; i++) {
    client.send(GET_EVENTS.replace('GET', 'HEAD'))
    const answer = await client.response({ head: true })
    t.equal(statusOf(answer), 200)
    t.match(fieldValue(answer.fields, 'content-type'), 'text/event-stream')
  }
  t.match((await EventListener.open(t, port)).head, '200 OK')
})

test('other addresses get 404, whatever their fields say', async (t) => {
  const env = { LB_ADMIN_ALLOW: '10.0.0.0/8', LB_ADMIN_TOKEN: TOKEN }
  const { port } = await startBalancer(t, 'a.example:80', env)
  for (const fields of [
    [],
    ['X-Forwarded-For: 10.0.0.1', 'X-Real-IP: 10.0.0.1', 'Forwarded: for=10.0.0.1', 'Client-IP: 10.0.0.1'],
    ['X-Original-URL: /__lb/events', 'X-Rewrite-URL: /__lb/events', 'X-HTTP-Method-Override: GET'],
    [`Authorization: Bearer ${TOKEN}`],
    ['Accept: text/event-stream', 'Last-Event-ID: 1', 'Origin: http://lb.internal'],
    ['Sec-Fetch-Site: same-origin', 'Referer: http://lb.internal/__lb/']
  ]) {
    const answer = await exchange(t, port, asking(...fields))
    t.equal(statusOf(answer), 404, fields.join())
    t.same(JSON.parse(answer.body.toString()).message, 'There is no such page')
  }
})

test('pages of other sites get 404', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80')
  for (const fields of [
    ['Origin: http://evil.example'],
    ['Origin: null'],
    ['Origin: https://lb.internal'],
    ['Sec-Fetch-Site: cross-site'],
    ['Sec-Fetch-Site: same-site'],
    ['Origin: http://lb.internal', 'Sec-Fetch-Site: cross-site']
  ]) {
    const answer = await exchange(t, port, asking(...fields))
    t.equal(statusOf(answer), 404, fields.join())
    t.notMatch(answer.body.toString(), /a\.example/)
  }
  for (const fields of [[], ['Origin: http://lb.internal', 'Sec-Fetch-Site: same-origin']])
    t.match((await EventListener.open(t, port, asking(...fields))).head, '200 OK')
})

test('other paths and methods get 404', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80')
  const client = await RawClient.open(t, port)
  for (const target of ['events/', 'EVENTS', '%65vents', 'events%2f', 'events;x', '/events', 'events/x']) {
    client.send(`GET /__lb/${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
    t.equal(statusOf(await client.response()), 404, target)
  }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
    client.send(GET_EVENTS.replace('GET', method))
    t.equal(statusOf(await client.response()), 404, method)
  }
})

test('a subscriber that does not read costs no memory, and others get events', async (t) => {
  const { port, connections, registry } = await startBalancer(t, TALKED_OF)
  giveMuchToTell(registry)
  const silent = await RawClient.open(t, port)
  silent.socket.pause()
  silent.send(GET_EVENTS)
  await eventually(() => [...connections].some(({ writableLength }) => writableLength > 0))
  const [server] = [...connections]
  const waiting = () => server!.writableLength
  const before = waiting()
  const other = await EventListener.open(t, port)
  for (let tick = 0; tick < 3; tick++) {
    const { bytesRead } = other.client.socket
    giveMuchToTell(registry)
    await eventually(() => other.client.socket.bytesRead > bytesRead + 1_000_000, 5000)
  }
  t.ok(waiting() <= before, `${waiting()} bytes wait, ${before} did`)
  silent.abort()
})
