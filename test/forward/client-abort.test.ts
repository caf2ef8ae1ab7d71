import type { Test } from 'tap'
import { type Balancer, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { fullBacklog } from '../support/full-backlog.js'
import { BEFORE_IDLE_MS, OK, type RawBackend, scripted, serving } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const UPGRADE = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n'

const CLIENT_LEAVINGS = {
  resets: (client: RawClient) => client.abort(),
  closes: (client: RawClient) => client.socket.destroy(),
  'ends its side': (client: RawClient) => client.socket.end()
}

/** Every slot is free, the backend is rid of the requests that it has not `answered`, and nobody is blamed. */
async function checkFreed(t: Test, balancer: Balancer, backend: RawBackend, answered = 0): Promise<void> {
  const requested = [...backend.sockets].filter(({ bytesRead }) => bytesRead > 0)
  await eventually(() => inFlight(balancer).every((count) => count === 0))
  await eventually(() => requested.filter(({ destroyed }) => !destroyed).length === answered, BEFORE_IDLE_MS)
  t.match(balancer.stats(), { requests: { failed: 0 }, backends: [{ failed: 0, retries: 0 }] })
  t.notOk(balancer.log.some(({ level }) => level >= 40))
}

for (const [how, leave] of Object.entries(CLIENT_LEAVINGS)) {
  test(`a client ${how} before the answer`, async (t) => {
    const backend = await scripted(t, () => {})
    const balancer = await startBalancer(t, [backend])
    const client = await RawClient.open(t, balancer.port)
    client.send(GET)
    await eventually(() => backend.requests.length === 1)
    t.same(inFlight(balancer), [1, 1])
    leave(client)
    await checkFreed(t, balancer, backend)
  })

  test(`a client ${how} amid its upload`, async (t) => {
    for (const fields of ['Content-Length: 1000000', 'Transfer-Encoding: chunked']) {
      const backend = await serving(t, (socket) => void socket.resume())
      const balancer = await startBalancer(t, [backend])
      const client = await RawClient.open(t, balancer.port)
      client.send(`POST / HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n5\r\nhello\r\n`)
      await eventually(() => [...backend.sockets].some(({ bytesRead }) => bytesRead > 0))
      leave(client)
      await checkFreed(t, balancer, backend)
    }
  })

  test(`a client ${how} amid the answer`, async (t) => {
    for (const [request, fields] of [
      [GET, 'Content-Length: 1000000'],
      [GET, 'Transfer-Encoding: chunked'],
      [UPGRADE, 'Transfer-Encoding: chunked']
    ] as const) {
      const backend = await scripted(t, (_request, socket) =>
        socket.write(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n5\r\nhello\r\n`)
      )
      const balancer = await startBalancer(t, [backend])
      const client = await RawClient.open(t, balancer.port)
      client.send(request)
      await client.until((text) => text.includes('hello'))
      leave(client)
      await checkFreed(t, balancer, backend)
      t.equal(balancer.stats().latency.count, 0, 'what was not finished has no latency')
    }
  })

  test(`a client ${how} while a backend is being connected to`, async (t) => {
    const full = await fullBacklog(t)
    const balancer = await startBalancer(t, [full])
    for (const bytes of [GET, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello']) {
      const client = await RawClient.open(t, balancer.port)
      client.send(bytes)
      await eventually(() => balancer.registry.inFlight === 1)
      leave(client)
      await eventually(() => inFlight(balancer).every((count) => count === 0))
    }
  })

  test(`a client ${how} while a pipelined request waits for its turn`, async (t) => {
    const backend = await scripted(t, ({ startLine }, socket) => {
      if (startLine.startsWith('GET /ready')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1')
    })
    const balancer = await startBalancer(t, [backend])
    const client = await RawClient.open(t, balancer.port)
    client.send(GET + GET.replace('/', '/ready') + GET)
    await eventually(() => backend.requests.length === 3)
    // The one that is answered waits for the one before it.
    await eventually(() => inFlight(balancer).join() === '3,2')
    leave(client)
    await checkFreed(t, balancer, backend, 1)
  })
}

test('a backend that is slow to connect gets nothing of a client that has left', async (t) => {
  const full = await fullBacklog(t)
  const balancer = await startBalancer(t, [full])
  const [leaving, staying] = [await RawClient.open(t, balancer.port), await RawClient.open(t, balancer.port)]
  leaving.send(GET.replace('/', '/left'))
  staying.send(GET.replace('/', '/stayed'))
  await eventually(() => balancer.registry.inFlight === 2)
  leaving.abort()
  await eventually(() => balancer.registry.inFlight === 1)
  full.release()
  // The system tries to connect again after a second.
  await eventually(() => full.received.some((text) => text.includes('/stayed')), 5000)
  await sleep(50)
  t.notOk(full.received.some((text) => text.includes('/left')))
  staying.abort()
})

test('a crowd that leaves at once leaves room for the next', async (t) => {
  let silent = true
  const backend = await scripted(t, (_request, socket) => {
    if (!silent) socket.write(OK)
  })
  const balancer = await startBalancer(t, [backend])
  const crowd = () => Promise.all(Array.from({ length: 100 }, () => RawClient.open(t, balancer.port)))
  const [hasty, patient] = [await crowd(), await crowd()]
  for (const client of patient) client.send(GET)
  await eventually(() => backend.requests.length === patient.length)
  for (const client of hasty) client.send(GET)
  await eventually(() => balancer.registry.inFlight > patient.length)
  for (const client of [...hasty, ...patient]) client.abort()
  await eventually(() => inFlight(balancer).every((count) => count === 0))
  silent = false
  const next = await crowd()
  for (const client of next) client.send(GET)
  for (const client of next) t.equal(statusOf(await client.response()), 200)
})
