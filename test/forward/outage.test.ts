import { eventually, inFlight, startBalancer, test } from '../helper.js'
import { answering, OK, type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const post = (body: string) => `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`

async function sent(
  balancer: Parameters<typeof inFlight>[0],
  t: Parameters<typeof scripted>[0],
  text: string
) {
  const before = balancer.stats().requests.queued
  const client = await RawClient.open(t, balancer.port)
  client.send(text)
  await eventually(() => balancer.stats().requests.queued === before + 1)
  return client
}

async function bothStopped(t: Parameters<typeof scripted>[0]): Promise<[RawBackend, RawBackend]> {
  const backends: [RawBackend, RawBackend] = [
    await scripted(t, answering(OK)),
    await scripted(t, answering(OK))
  ]
  for (const backend of backends) await backend.stop()
  return backends
}

test('while nothing listens anywhere requests wait, and go as soon as one backend is back', async (t) => {
  const backends = await bothStopped(t)
  const balancer = await startBalancer(t, backends, { LB_OUTAGE_TIMEOUT: '5' })
  const body = 'x'.repeat(100_000)
  const clients = [await sent(balancer, t, GET), await sent(balancer, t, post(body))]
  t.same(inFlight(balancer), [2, 0, 0])
  await backends[0].listen()
  for (const client of clients) t.equal(statusOf(await client.response()), 200)
  t.equal(`${backends[0].requests.find(({ startLine }) => startLine.startsWith('POST'))?.body}`, body)
  t.match(balancer.stats().requests, { queued: 0, failed: 0, rejected: { noBackend: 0 } })
})

test('requests that were under way wait as well, if they may be sent twice', async (t) => {
  const backends = [await scripted(t, () => {}), await scripted(t, () => {})] as const
  const balancer = await startBalancer(t, backends, { LB_OUTAGE_TIMEOUT: '5' })
  const clients: RawClient[] = []
  for (const text of [GET, GET, GET, GET, GET, GET, GET, GET, post('once')]) {
    const client = await RawClient.open(t, balancer.port)
    client.send(text)
    clients.push(client)
  }
  await eventually(() => backends[0].requests.length + backends[1].requests.length === 9)
  for (const backend of backends) await backend.stop()
  t.equal(statusOf(await clients.pop()!.response()), 502, 'not to be sent twice')
  await eventually(() => balancer.stats().requests.queued === 8)
  const [first] = backends
  first.requests.length = 0
  await first.listen()
  await eventually(() => first.requests.length === 8)
  for (const socket of first.sockets) socket.write(OK)
  for (const client of clients) t.equal(statusOf(await client.response()), 200)
})

test('when all end at once, what was under way is not lost; what ends them is not passed around', async (t) => {
  const backends = await Promise.all([0, 1, 2].map(() => scripted(t, () => {})))
  const balancer = await startBalancer(t, backends, { LB_OUTAGE_TIMEOUT: '5', LB_RETRY_BUDGET: '100' })
  const client = await RawClient.open(t, balancer.port)
  client.send(GET)
  // Each ends as it gets the request, sooner than anybody finds that the others refuse.
  for (let i = 0; i < 3; i++) {
    await eventually(() => backends.some(({ requests }) => requests.length > 0))
    const hit = backends.find(({ requests }) => requests.length > 0)!
    hit.requests.length = 0
    await hit.stop()
  }
  await eventually(() => balancer.stats().requests.queued === 1)
  // It finds nobody, and so that it was not the first one's doing.
  const second = await RawClient.open(t, balancer.port)
  second.send(GET)
  await eventually(() => balancer.stats().requests.queued === 2)
  for (const backend of backends) await backend.listen()
  await eventually(() => backends.reduce((sum, { requests }) => sum + requests.length, 0) === 2)
  for (const { sockets } of backends) for (const socket of sockets) socket.write(OK)
  t.equal(statusOf(await client.response()), 200)
  t.equal(statusOf(await second.response()), 200)

  const breaking = await Promise.all(
    [0, 1, 2, 3].map(() => scripted(t, (_request, socket) => socket.resetAndDestroy()))
  )
  const other = await startBalancer(t, breaking, { LB_OUTAGE_TIMEOUT: '5', LB_NO_EJECTION: 'true' })
  t.equal(statusOf(await exchange(t, other.port, GET)), 502)
  t.equal(
    breaking.reduce((sum, { requests }) => sum + requests.length, 0),
    3,
    'as often as it may be tried'
  )
})

test('one that waits is not lost if its connection breaks once more, but is if it does so again', async (t) => {
  for (const [breaks, status] of [
    [1, 200],
    [2, 502]
  ] as const) {
    let left: number = breaks
    const backend = await scripted(t, (_request, socket) => {
      if (left-- > 0) socket.resetAndDestroy()
      else socket.write(OK)
    })
    await backend.stop()
    const balancer = await startBalancer(t, [backend], { LB_OUTAGE_TIMEOUT: '5' })
    const client = await sent(balancer, t, GET)
    await backend.listen()
    t.equal(statusOf(await client.response()), status, `${breaks}`)
  }
})

test('who waits too long is told so, and so is who would be one too many', async (t) => {
  const backends = await bothStopped(t)
  const balancer = await startBalancer(t, backends, { LB_OUTAGE_TIMEOUT: '0.4', LB_QUEUE_SIZE: '1' })
  const waiting = await sent(balancer, t, GET)
  const startMs = performance.now()
  const refused = await exchange(t, balancer.port, GET)
  t.ok([502, 503].includes(statusOf(refused)), `${statusOf(refused)}`)
  t.ok(performance.now() - startMs < 300, 'at once')
  const late = await waiting.response()
  t.equal(statusOf(late), 503)
  t.equal(fieldValue(late.fields, 'retry-after'), '1')
  t.match(`${late.body}`, 'LB_NO_BACKEND')
  t.match(balancer.stats().requests, { queued: 0, total: 2, rejected: { outageTimeout: 1 } })
})

test('a client that leaves waits no more', async (t) => {
  const backends = await bothStopped(t)
  const balancer = await startBalancer(t, backends, { LB_OUTAGE_TIMEOUT: '30' })
  const client = await sent(balancer, t, GET)
  client.socket.destroy()
  await eventually(() => balancer.stats().requests.queued === 0)
})

test('backends that fail their checks are waited for as well', async (t) => {
  let status = 'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n'
  const backend = await scripted(t, (_request, socket) => void socket.write(status))
  const balancer = await startBalancer(t, [backend], {
    LB_NO_HEALTH_CHECK: 'false',
    LB_HEALTH_CHECK_PERIOD: '0.1',
    LB_OUTAGE_TIMEOUT: '5'
  })
  t.equal(balancer.stats().backends[0]!.state, 'unhealthy')
  const client = await sent(balancer, t, GET)
  status = OK
  t.equal(statusOf(await client.response()), 200)
})
