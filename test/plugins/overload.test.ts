import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually, startBalancer, test } from '../helper.js'
import { OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

const request = (path: string, method = 'GET', body = '') =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\n${body ? `Content-Length: ${body.length}\r\n` : ''}\r\n${body}`

/** A backend that answers when it is told to. */
async function holding(t: Test) {
  const held: Socket[] = []
  const backend = await scripted(t, (_request, socket) => void held.push(socket))
  const release = () => {
    for (const socket of held.splice(0)) socket.write(OK)
  }
  return { backend, held, release }
}

test('a request too many is answered 503 at once, and counted', async (t) => {
  const { backend, held, release } = await holding(t)
  const { port, stats } = await startBalancer(t, [backend], { LB_MAX_CONNECTIONS: '2' })
  const clients = [await RawClient.open(t, port), await RawClient.open(t, port)]
  for (const client of clients) client.send(request('/held'))
  await eventually(() => held.length === 2)

  const third = await RawClient.open(t, port)
  third.send(request('/'))
  const refused = await third.response()
  t.equal(statusOf(refused), 503)
  t.equal(fieldValue(refused.fields, 'retry-after'), '1')
  t.equal(fieldValue(refused.fields, 'content-type'), 'application/json; charset=utf-8')
  t.same(JSON.parse(refused.body.toString()), {
    statusCode: 503,
    code: 'LB_OVERLOADED',
    error: 'Service Unavailable',
    message: 'Too many requests are in flight'
  })
  t.match(stats().requests, { inFlight: 2, total: 3, failed: 0, rejected: { overload: 1, noBackend: 0 } })

  for (const path of ['/__lb/stats', '/__lb/live', '/__lb/ready']) {
    third.send(request(path))
    t.equal(statusOf(await third.response()), 200, `${path} is open`)
  }

  release()
  for (const client of clients) t.equal(statusOf(await client.response()), 200)
  await eventually(() => stats().requests.inFlight === 0)
  third.send(request('/'))
  await eventually(() => held.length === 1)
  release()
  t.equal(statusOf(await third.response()), 200, 'there is room again')
  t.equal(backend.requests.length, 3)
})

test('a rejected request with a body ends its connection, one without does not', async (t) => {
  const { backend, held, release } = await holding(t)
  const { port } = await startBalancer(t, [backend], { LB_MAX_CONNECTIONS: '1' })
  const first = await RawClient.open(t, port)
  first.send(request('/held'))
  await eventually(() => held.length === 1)
  const other = await RawClient.open(t, port)
  for (let i = 0; i < 3; i++) {
    other.send(request('/'))
    t.equal(statusOf(await other.response()), 503)
  }
  other.send(request('/', 'POST', request('/smuggled')))
  const refused = await other.response()
  t.equal(fieldValue(refused.fields, 'connection'), 'close')
  await other.untilClosed()
  t.equal(other.received.length, 0, 'the body is not taken for a request')
  release()
  await first.response()
})

test('pipelined requests count one by one', async (t) => {
  const { backend, held, release } = await holding(t)
  const { port } = await startBalancer(t, [backend], { LB_MAX_CONNECTIONS: '2' })
  const client = await RawClient.open(t, port)
  client.send(request('/1') + request('/2') + request('/3'))
  await eventually(() => held.length === 2)
  release()
  t.equal(statusOf(await client.response()), 200)
  t.equal(statusOf(await client.response()), 200)
  t.equal(statusOf(await client.response()), 503)
})

test('a connection too many is closed, and counted', async (t) => {
  const { backend, held, release } = await holding(t)
  const { port, stats } = await startBalancer(t, [backend], { LB_MAX_SOCKETS: '2' })
  const clients = [await RawClient.open(t, port), await RawClient.open(t, port)]
  clients[0]!.send(request('/held'))
  await eventually(() => held.length === 1)
  for (let i = 0; i < 3; i++) {
    const tooMany = await RawClient.open(t, port).catch(() => undefined)
    await tooMany?.untilClosed()
    t.equal(tooMany?.received.length ?? 0, 0)
  }
  t.match(stats().connections, { open: 2, dropped: 3, handshakesFailed: 0, limit: 2 })
  release()
  t.equal(statusOf(await clients[0]!.response()), 200, 'those that are open are served')
  clients[1]!.socket.destroy()
  await eventually(() => stats().connections.open === 1)
  t.equal(statusOf(await exchange(t, port, request('/__lb/live'))), 200, 'there is room again')
  clients[0]!.socket.destroy()
  await eventually(() => stats().connections.open === 0)
})

test('by default four times as many connections as requests may be open, and never less than 1024', async (t) => {
  const { backend } = await holding(t)
  for (const [requests, connections] of [
    ['25', 1024],
    ['1000', 4000]
  ] as const) {
    const { stats } = await startBalancer(t, [backend], { LB_MAX_CONNECTIONS: requests })
    t.equal(stats().connections.limit, connections)
  }
})
