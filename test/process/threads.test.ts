import { createServer } from 'node:http'
import { connect } from 'node:net'
import { eventually, sleep, test } from '../helper.js'
import { lb } from '../support/child.js'
import { atEnd } from '../support/test.js'
import { backend, Client, clientsOfAll, faults, started, TOKEN } from '../support/threads.js'

test('several threads serve as one balancer, whose counts are those of all', async (t) => {
  const backends = [await backend(t), await backend(t), await backend(t)]
  const { child, port, stats } = await started(t, backends)
  const clients = await clientsOfAll(t, port, stats, 16)
  const before = (await stats()).requests.total
  const held = clients.map((client) => client.get('/300'))
  await eventually(() => backends.reduce((sum, { now }) => sum + now.active, 0) === clients.length)
  const during = await stats()
  t.equal(during.requests.inFlight, clients.length)
  t.ok(
    during.threads.every(({ inFlight }) => inFlight > 0),
    'both have requests'
  )
  const active = during.backends.map((each) => each.active)
  t.ok(Math.max(...active) - Math.min(...active) <= 1, `least connections over all: ${active}`)
  t.same(
    active,
    backends.map(({ now }) => now.active)
  )
  t.same(
    await Promise.all(held),
    clients.map(() => 200)
  )
  const after = await stats()
  t.equal(after.requests.total - before, clients.length)
  t.equal(after.requests.inFlight, 0)
  t.equal(
    after.backends.reduce((sum, each) => sum + each.total, 0),
    backends.reduce((sum, { now }) => sum + now.total, 0)
  )
  t.equal(after.latency.count, after.requests.total, 'latencies of both are seen')
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
  t.notMatch(child.output, /"level":(40|50|60)/)
})

test('a backend never gets more than its limit, whatever threads ask at once', async (t) => {
  const only = await backend(t)
  const { port, stats } = await started(t, [{ ...only, address: `${only.address};max=1` }], {
    LB_QUEUE_TIMEOUT: '20'
  })
  const clients = await clientsOfAll(t, port, stats, 8)
  const rounds = 40
  const statuses = await Promise.all(
    clients.map(async (client) => {
      const all: (number | string)[] = []
      for (let i = 0; i < rounds; i++) all.push(await client.get('/1'))
      return all
    })
  )
  t.same(new Set(statuses.flat()), new Set([200]))
  t.equal(only.now.most, 1)
  t.equal((await stats()).requests.inFlight, 0)
})

test('LB_MAX_CONNECTIONS bounds the requests of all threads together', async (t) => {
  const only = await backend(t)
  const { port, stats } = await started(t, [only], { LB_MAX_CONNECTIONS: '3' })
  const clients = await clientsOfAll(t, port, stats, 8)
  const statuses = await Promise.all(clients.map((client) => client.get('/400')))
  t.equal(statuses.filter((status) => status === 200).length, 3)
  t.equal(statuses.filter((status) => status === 503).length, clients.length - 3)
  t.equal(only.now.most, 3)
})

test('a backend that is added, set to another weight or removed is so in all threads', async (t) => {
  const [a, b] = [await backend(t), await backend(t)]
  const { child, port, adminPort, stats } = await started(t, [a])
  const clients = await clientsOfAll(t, port, stats, 8)
  const api = async (method: string, rest: string, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${adminPort}/__lb/api/backends${rest}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {})
    })
    t.ok(response.ok, `${method} ${rest} ${response.status}`)
  }
  await api('POST', '', { address: b.address })
  await eventually(async () => (await stats()).backends[1]?.state === 'healthy')
  const held = clients.map((client) => client.get('/300'))
  await eventually(() => a.now.active + b.now.active === clients.length)
  t.ok(Math.abs(a.now.active - b.now.active) <= 1, `${a.now.active} and ${b.now.active}`)
  await Promise.all(held)
  await api('PATCH', `/${encodeURIComponent(b.address)}`, { weight: 2 })
  await api('DELETE', `/${encodeURIComponent(a.address)}`)
  const before = a.now.total
  t.same(
    await Promise.all(clients.map((client) => client.get('/1'))),
    clients.map(() => 200)
  )
  t.equal(a.now.total, before)
  for (const change of ['has joined', 'is set up anew', 'has left'])
    t.equal(child.output.split(change).length - 1, 1, `it is logged once that it ${change}`)
})

test('what one thread sees of a backend, all know', async (t) => {
  const [a, b] = [await backend(t), await backend(t)]
  const failing = createServer((_, res) => res.writeHead(500).end())
  await new Promise<void>((resolve) => failing.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => failing.close())
  const bad = `127.0.0.1:${(failing.address() as { port: number }).port}`
  const { child, port, stats } = await started(t, [a, b, { address: `${bad};no-check`, now: a.now }], {})
  const clients = await clientsOfAll(t, port, stats, 8)
  for (let i = 0; i < 10; i++) await Promise.all(clients.map((client) => client.get('/1')))
  await child.untilPrinted(/is ejected/)
  const { backends } = await stats()
  t.equal(backends[2]!.state, 'ejected')
  t.equal(child.output.split('is ejected').length - 1, 1, 'and it is logged once')
})

test('a thread that dies takes its own requests with it and nothing else, and another takes its place', async (t) => {
  const [a, b] = [await backend(t), await backend(t)]
  const { child, port, stats, fault } = await started(t, [a, b])
  const clients = await clientsOfAll(t, port, stats, 16)
  const { openConnections } = (await stats()).threads[1]!
  const failedBefore = (await stats()).requests.failed
  const held = clients.map((client) => client.get('/500'))
  await eventually(() => a.now.active + b.now.active === clients.length)
  fault('1 die')
  const statuses = await Promise.all(held)
  const lost = statuses.filter((status) => status !== 200)
  t.equal(lost.length, openConnections, `those of the thread: ${statuses}`)
  await child.untilPrinted(/Thread 2 has died/)
  await eventually(() => child.output.split('Thread 2 of 2 accepts connections too').length === 3)
  const after = await stats()
  t.equal(after.requests.inFlight, 0)
  t.equal(after.requests.failed - failedBefore, lost.length)
  t.same(
    after.backends.map(({ active }) => active),
    [0, 0]
  )
  const again = await clientsOfAll(t, port, stats, 8)
  t.same(
    await Promise.all(again.map((client) => client.get('/1'))),
    again.map(() => 200)
  )
})

test('a burst of connections is shared by all threads', async (t) => {
  const only = await backend(t)
  const { port, stats } = await started(t, [only])
  const BURSTS = 6
  let shared = 0
  for (let burst = 0; burst < BURSTS; burst++) {
    const sockets = Array.from({ length: 64 }, () => connect(port, '127.0.0.1'))
    const open = async () => (await stats()).threads.map(({ openConnections }) => openConnections)
    await eventually(async () => (await open()).reduce((a, b) => a + b) === sockets.length)
    if (Math.min(...(await open())) >= 12) shared++
    for (const socket of sockets) socket.destroy()
    await eventually(async () => (await open()).every((count) => count === 0))
  }
  t.ok(shared >= BURSTS / 2, `${shared} of ${BURSTS} bursts`)
})

test('a thread whose loop is blocked is reported, and the others take what connects', async (t) => {
  const only = await backend(t)
  const { child, port, stats, fault } = await started(t, [only])
  await clientsOfAll(t, port, stats)
  fault('1 block 4500')
  await sleep(100)
  const fresh = Array.from({ length: 20 }, () => new Client(t, port))
  const startMs = performance.now()
  t.same(
    await Promise.all(fresh.map((client) => client.get('/1'))),
    fresh.map(() => 200)
  )
  t.ok(performance.now() - startMs < 2000, 'none has to wait for it')
  await child.untilPrinted(/Thread 2 is blocked/)
  await child.untilPrinted(/Thread 2 runs again/)
})

test('all threads drain at the end, and what is cut off at the deadline makes the exit code', async (t) => {
  for (const [env, target, wanted, code] of [
    [{}, '/600', 200, 0],
    [{ LB_DRAIN_TIMEOUT: '0.3' }, '/5000', 'ECONNRESET', 1]
  ] as const) {
    const only = await backend(t)
    const { child, port, stats } = await started(t, [only], env)
    const clients = await clientsOfAll(t, port, stats, 8)
    const held = clients.map((client) => client.get(target))
    await eventually(() => only.now.active === clients.length)
    child.kill('SIGTERM')
    t.same(
      await Promise.all(held),
      clients.map(() => wanted)
    )
    t.equal(await child.untilEnded(), code)
    const cuts = [...child.output.matchAll(/Drain timeout: cutting (\d+) requests/g)].map(([, cut]) =>
      Number(cut)
    )
    const lost = code === 0 ? 0 : clients.length
    t.equal(
      cuts.reduce((sum, cut) => sum + cut, 0),
      lost,
      'each thread names its own'
    )
  }
})

test('a drain that begins before all threads serve refuses what connects', async (t) => {
  const only = await backend(t)
  const { env, fault, hasBegun } = faults(t)
  fault('1 block 20000')
  const child = lb(t, [], { PORT: '0', LB_BACKENDS: only.address, LB_THREADS: '2', ...env })
  const port = await child.firstListening()
  const held = new Client(t, port).get('/1500')
  await eventually(() => only.now.active === 1 && hasBegun())
  const startMs = performance.now()
  child.kill('SIGTERM')
  await child.untilPrinted(/Draining/)
  const isRefused = async () => (await new Client(t, port).get('/1')) === 'ECONNREFUSED'
  await eventually(isRefused)
  t.equal(await held, 200)
  t.equal(await child.untilEnded(), 0)
  t.ok(performance.now() - startMs < 15_000, 'and nothing waits for the thread')
})
