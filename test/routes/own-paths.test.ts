import { startBalancer, test } from '../helper.js'
import { answering, OK, refusing, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const request = (target: string, method = 'GET') => `${method} ${target} HTTP/1.1\r\nHost: x\r\n\r\n`
const json = (response: Message) => JSON.parse(response.body.toString())

test('only what begins with /__lb/, byte for byte, is the balancer’s own', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const others = [
    '/__lb',
    '/__lb%2fstats',
    '/__lb%2Fstats',
    '/%5f_lb/stats',
    '/__LB/stats',
    '//__lb/stats',
    '/./__lb/stats',
    '/x/../__lb/stats',
    '/__lb;/stats',
    '/__lb?/stats',
    '/__lbx/stats',
    'http://x/__lb/stats'
  ]
  for (const target of others) {
    const response = await exchange(t, port, request(target))
    t.equal(response.body.toString(), 'ok', target)
  }
  t.equal(backend.requests.length, others.length)
})

test('below /__lb/ only exact paths exist, and nothing reaches a backend', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const unknown = [
    '/__lb//',
    '/__lb/.',
    '/__lb/%2e',
    '/__lb/%2f',
    '/__lb/-',
    '/__lb/;x',
    '/__lb/page',
    '/__lb/page/',
    '/__lb/nosuch',
    '/__lb/stats/',
    '/__lb/stats/x',
    '/__lb//stats',
    '/__lb/STATS',
    '/__lb/%73tats',
    '/__lb/stats%2f',
    '/__lb/stats;x',
    '/__lb/../x',
    '/__lb/x/../stats',
    '/__lb/%zz',
    '/__lb/%',
    '/__lb/%2e%2e/stats'
  ]
  const client = await RawClient.open(t, port)
  for (const target of unknown) {
    client.send(request(target))
    const response = await client.response()
    t.equal(statusOf(response), 404, target)
    t.same(json(response), { statusCode: 404, error: 'Not Found', message: 'There is no such page' }, target)
  }
  for (const target of [
    '/__lb/?',
    '/__lb/?a=%zz',
    '/__lb/stats?pretty',
    '/__lb/live?',
    '/__lb/ready?a=%zz'
  ]) {
    client.send(request(target))
    t.equal(statusOf(await client.response()), 200, `${target}: a query changes nothing`)
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE']) {
    client.send(request('/__lb/stats', method))
    t.equal(statusOf(await client.response()), 404, method)
  }
  t.equal(backend.requests.length, 0)
})

test('a body for the administration does no harm', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  for (const [path, status] of [
    ['/__lb/live', 200],
    ['/__lb/nosuch', 404]
  ] as const) {
    client.send(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello`
    )
    t.equal(statusOf(await client.response()), status)
  }
  client.send(request('/'))
  t.equal(statusOf(await client.response()), 200, 'the connection goes on')
  t.equal(backend.requests.length, 1)
})

test('HEAD is GET without the body', async (t) => {
  const { port } = await startBalancer(t, [await scripted(t, answering(OK))])
  const client = await RawClient.open(t, port)
  for (const path of ['/__lb/stats', '/__lb/live', '/__lb/ready']) {
    client.send(request(path, 'HEAD'))
    const response = await client.response({ head: true })
    t.equal(statusOf(response), 200)
    t.ok(Number(fieldValue(response.fields, 'content-length')) > 0)
    t.match(fieldValue(response.fields, 'content-type'), 'application/json')
  }
  client.send(request('/__lb/nosuch', 'HEAD'))
  t.equal(statusOf(await client.response({ head: true })), 404)
  t.equal(client.received.length, 0)
})

test('live says that the process runs, ready that requests would be served', async (t) => {
  const { port, registry } = await startBalancer(t, [await refusing(t)])
  const shown = async (path: string) => {
    const response = await exchange(t, port, request(path))
    t.equal(fieldValue(response.fields, 'cache-control'), 'no-store')
    return [statusOf(response), json(response)]
  }
  t.same(await shown('/__lb/live'), [200, { status: 'live' }])
  t.same(await shown('/__lb/ready'), [200, { status: 'ready' }])
  registry.setState(registry.backends[0]!, 'unhealthy', 'test')
  t.same(await shown('/__lb/ready'), [503, { status: 'not ready', reason: 'no backend is eligible' }])
  t.same(await shown('/__lb/live'), [200, { status: 'live' }])
  registry.setState(registry.backends[0]!, 'healthy', 'test')
  t.same(await shown('/__lb/ready'), [200, { status: 'ready' }])
  registry.startDraining()
  t.same(await shown('/__lb/ready'), [503, { status: 'not ready', reason: 'draining' }])
  t.same(await shown('/__lb/live'), [200, { status: 'live' }])
  t.equal(json(await exchange(t, port, request('/__lb/stats'))).state, 'draining')
})
