import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { everywhere } from '../support/secure-ports.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const get = (path = '/', ...fields: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')
const post = (framing: string, body: string) => `POST /up HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n${body}`
const LENGTH = 'Content-Length: 10'
const CHUNKED = 'Transfer-Encoding: chunked'

/** Long, so that what ends before does not end with it. */
const ENV = { LB_DRAIN_TIMEOUT: '20' }
/** Sooner than a head that has begun is given up. */
const PROMPTLY_MS = 4500

/** What stalls, and how its client is answered when the time of that is over. */
const STALLED = {
  'half a head': 'GET / HTTP/1.1\r\nHost: x\r\nX-Ha',
  'half a line': 'GE',
  'half a head behind a blank line': '\r\nGET / HTTP/1.1\r\nHo',
  'half a head for a page of the balancer': 'GET /__lb/stats HTTP/1.1\r\nHo',
  'half a body': post(LENGTH, 'half'),
  'nothing of a body': post(LENGTH, ''),
  'a chunk that has begun': post(CHUNKED, '5\r\nab'),
  'a size of a chunk that has begun': post(CHUNKED, '2\r\nab\r\n1'),
  'trailers that have begun': post(CHUNKED, '2\r\nab\r\n0\r\nA: b')
}

/** A backend that holds what asks for `/held`, and answers what has come whole. */
async function holding(t: Test) {
  const held: Socket[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/held')) held.push(socket)
    else socket.write(OK)
  })
  return { held, backend }
}

function closing(balancer: Balancer) {
  const state = { isOver: false }
  void balancer.fastify.close().then(() => {
    state.isOver = true
  })
  return state
}

async function stalled(t: Test, port: number): Promise<RawClient[]> {
  const clients: RawClient[] = []
  for (const sent of Object.values(STALLED)) {
    const client = await RawClient.open(t, port)
    client.send(sent)
    clients.push(client)
  }
  const again = await RawClient.open(t, port)
  again.send(get())
  await again.response()
  again.send('GET / HTTP/1.1\r\nHo')
  const trickling = await RawClient.open(t, port)
  trickling.send('GET / HTTP/1.1\r\nHost: x\r\n')
  const timer = setInterval(() => trickling.socket.writable && trickling.send('A: b\r\n'), 50)
  atEnd(t, () => clearInterval(timer))
  return [...clients, again, trickling]
}

const answersOf = (clients: readonly RawClient[]) =>
  Promise.all(
    clients.map(async (client) => {
      const answer = await client.response({ timeoutMs: PROMPTLY_MS }).catch(() => undefined)
      await client.untilClosed()
      return answer && { status: statusOf(answer), body: answer.body.toString() }
    })
  )

test('the limits of a request’s time act in a drain as before it', async (t) => {
  const env = { ...ENV, LB_REQUEST_HEAD_TIMEOUT: '1', LB_REQUEST_TIMEOUT: '1' }
  const { backend, held } = await holding(t)
  const before = await startBalancer(t, [backend], env)
  const wanted = await answersOf(await stalled(t, before.port))
  t.ok(wanted.every((answer) => answer?.status === 408))
  const balancer = await startBalancer(t, [backend], env)
  const busy = await RawClient.open(t, balancer.port)
  busy.send(get('/held'))
  await eventually(() => held.length === 1)
  const clients = await stalled(t, balancer.port)
  await sleep(20)
  const state = closing(balancer)
  const got = await answersOf(clients)
  for (const [i, name] of [
    ...Object.keys(STALLED),
    'half a head behind an answer',
    'a head that trickles'
  ].entries())
    t.same(got[i], wanted[i], name)
  t.notOk(state.isOver, 'it waits for what is under way')
  held[0]!.write(OK)
  t.equal(statusOf(await busy.response()), 200)
  await t.resolves(
    eventually(() => state.isOver, PROMPTLY_MS),
    'and for nothing else'
  )
})

test('a body that does not go on is given up in a drain', async (t) => {
  const { backend } = await holding(t)
  const balancer = await startBalancer(t, [backend], { ...ENV, LB_REQUEST_BODY_TIMEOUT: '1' })
  const client = await RawClient.open(t, balancer.port)
  client.send(post(LENGTH, 'half'))
  await eventually(() => balancer.registry.inFlight === 1)
  const state = closing(balancer)
  t.equal(statusOf(await client.response()), 408)
  await eventually(() => state.isOver, PROMPTLY_MS)
})

test('heads have seconds in a drain, however long they have before it', async (t) => {
  const { backend } = await holding(t)
  // Half of the drain, as that is less than what they have otherwise.
  const balancer = await startBalancer(t, [backend], { LB_DRAIN_TIMEOUT: '4' })
  const [never, late] = [await RawClient.open(t, balancer.port), await RawClient.open(t, balancer.port)]
  for (const client of [never, late]) client!.send('GET / HTTP/1.1\r\nHost: x\r\n')
  await sleep(20)
  const state = closing(balancer)
  await sleep(600)
  late!.send('\r\n')
  const answer = await late!.response()
  t.same([statusOf(answer), fieldValue(answer.fields, 'connection')], [200, 'close'])
  t.equal(statusOf(await never!.response()), 408)
  await eventually(() => state.isOver, PROMPTLY_MS)
  t.notOk(balancer.log.some(({ msg }) => msg.startsWith('Drain timeout')))
})

test('connections that are idle are closed at once, and what is on its way over them is answered', async (t) => {
  const { backend } = await holding(t)
  const balancer = await startBalancer(t, [backend], ENV)
  const clients: RawClient[] = []
  for (let i = 0; i < 4; i++) clients.push(await RawClient.open(t, balancer.port))
  const [fresh, idle, first, next] = clients as [RawClient, RawClient, RawClient, RawClient]
  for (const client of [idle, next]) {
    client.send(get())
    await client.response()
  }
  await sleep(20)
  const state = closing(balancer)
  for (const client of [first, next]) {
    client.send(get() + get('/behind'))
    const answer = await client.response()
    t.same([statusOf(answer), fieldValue(answer.fields, 'connection')], [200, 'close'])
  }
  await Promise.all(clients.map((client) => client.untilClosed(PROMPTLY_MS)))
  t.notOk(fresh.broken || idle.broken, 'in good order')
  t.notOk(
    backend.requests.some(({ startLine }) => startLine.includes('/behind')),
    'nothing follows the last'
  )
  await eventually(() => state.isOver, PROMPTLY_MS)
})

test('a balancer that is held up takes nobody for idle whose request has come meanwhile', async (t) => {
  const { backend } = await holding(t)
  const balancer = await startBalancer(t, [backend], ENV)
  const [fresh, used] = [await RawClient.open(t, balancer.port), await RawClient.open(t, balancer.port)]
  used!.send(get())
  await used!.response()
  const state = closing(balancer)
  while (!balancer.registry.draining) await new Promise(setImmediate)
  await new Promise(setImmediate)
  for (const client of [fresh, used]) client!.send(get())
  const untilMs = performance.now() + 300
  while (performance.now() < untilMs);
  for (const client of [fresh, used]) t.equal(statusOf(await client!.response()), 200)
  await eventually(() => state.isOver, PROMPTLY_MS)
})

test('who was not told that its connection ends may ask once more', async (t) => {
  const { backend, held } = await holding(t)
  const balancer = await startBalancer(t, [backend], ENV)
  const client = await RawClient.open(t, balancer.port)
  client.send(get('/held'))
  await eventually(() => held.length === 1)
  held[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha')
  await client.until((text) => text.endsWith('ha'))
  const state = closing(balancer)
  await sleep(300)
  held[0]!.write('lf')
  t.equal(fieldValue((await client.response()).fields, 'connection'), 'keep-alive')
  await sleep(30)
  client.send(get())
  const answer = await client.response()
  t.same([statusOf(answer), fieldValue(answer.fields, 'connection')], [200, 'close'])
  await eventually(() => state.isOver, PROMPTLY_MS)
})

test('requests that came one behind the other before a drain are all answered', async (t) => {
  const { backend, held } = await holding(t)
  const balancer = await startBalancer(t, [backend], ENV)
  const client = await RawClient.open(t, balancer.port)
  client.send(get('/held/1') + get('/held/2') + get('/held/3'))
  await eventually(() => held.length === 3)
  const state = closing(balancer)
  await sleep(200)
  for (const socket of held) {
    socket.write(OK)
    await sleep(20)
  }
  const answers: Message[] = []
  for (let i = 0; i < 3; i++) answers.push(await client.response())
  t.same(
    answers.map(({ fields }) => fieldValue(fields, 'connection')),
    ['keep-alive', 'keep-alive', 'close']
  )
  await eventually(() => state.isOver, PROMPTLY_MS)
})

test('whatever a request is answered with in a drain, its connection ends with that', async (t) => {
  const { backend, held } = await holding(t)
  const balancer = await startBalancer(t, `${backend.address};max=1`, {
    ...ENV,
    LB_QUEUE_SIZE: '0',
    LB_MAX_CONNECTIONS: '2'
  })
  const sent = {
    'no room at a backend': [get(), 503],
    'a page': [get('/__lb/live'), 200],
    'no such page': [get('/__lb/none'), 404],
    'a method that is not passed on': ['TRACE / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n', 405],
    options: ['OPTIONS * HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n', 200],
    'no room for a change of protocol': [get('/', 'Connection: Upgrade', 'Upgrade: x'), 503]
  } as const
  const busy = await RawClient.open(t, balancer.port)
  busy.send(get('/held'))
  await eventually(() => held.length === 1)
  const clients: RawClient[] = []
  for (const [,] of Object.entries(sent)) clients.push(await RawClient.open(t, balancer.port))
  const state = closing(balancer)
  // All at once: a connection that is idle is not waited for.
  for (const [i, [bytes]] of Object.values(sent).entries()) clients[i]!.send(bytes)
  for (const [i, [name, [, status]]] of Object.entries(sent).entries()) {
    const answer = await clients[i]!.response()
    t.same([statusOf(answer), fieldValue(answer.fields, 'connection')], [status, 'close'], name)
    await clients[i]!.untilClosed()
  }
  held[0]!.write(OK)
  await eventually(() => state.isOver, PROMPTLY_MS)
})

test('what waits when a drain begins is served', async (t) => {
  const { backend, held } = await holding(t)
  const balancer = await startBalancer(t, `${backend.address};max=1`, ENV)
  const clients: RawClient[] = []
  for (let i = 0; i < 2; i++) {
    const client = await RawClient.open(t, balancer.port)
    client.send(get('/held'))
    clients.push(client)
    await eventually(() => balancer.registry.inFlight === i + 1)
  }
  await eventually(() => held.length === 1)
  const state = closing(balancer)
  await sleep(200)
  held[0]!.write(OK)
  await eventually(() => held.length === 2)
  held[1]!.write(OK)
  for (const client of clients) t.equal(statusOf(await client.response()), 200)
  await eventually(() => state.isOver, PROMPTLY_MS)
})

test('a request that waits for a backend in a drain gets it when it is back', async (t) => {
  const backend = await scripted(t, answering(OK))
  const env = { ...ENV, LB_OUTAGE_TIMEOUT: '10', LB_NO_HEALTH_CHECK: 'false', LB_HEALTH_CHECK_PERIOD: '0.2' }
  const balancer = await startBalancer(t, [backend], env)
  await eventually(() => balancer.registry.eligibleCount === 1)
  await backend.stop()
  await eventually(() => balancer.registry.eligibleCount === 0)
  const client = await RawClient.open(t, balancer.port)
  client.send(get())
  await eventually(() => inFlight(balancer)[0] === 1)
  const state = closing(balancer)
  await sleep(200)
  await backend.listen()
  t.equal(statusOf(await client.response()), 200)
  await eventually(() => state.isOver, PROMPTLY_MS)
})

test('a slow reader gets all in a drain', async (t) => {
  const size = 8_000_000
  const backend = await scripted(t, (_request, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    socket.write(Buffer.alloc(size, 'x'))
  })
  const balancer = await startBalancer(t, [backend], ENV)
  const client = await RawClient.open(t, balancer.port)
  client.send(get())
  await client.until((text) => text.length > 10_000)
  client.socket.pause()
  const state = closing(balancer)
  await sleep(1500)
  t.notOk(state.isOver)
  client.socket.resume()
  t.equal((await client.response()).body.length, size)
  await eventually(() => state.isOver, PROMPTLY_MS)
})

test('what has to come before HTTP has a second in a drain', async (t) => {
  const { backend, held } = await holding(t)
  const cases: [env: Record<string, string>, sent: string][] = everywhere.client
    ? [[{}, '\x16\x03\x01\x02\x00\x01\x00']]
    : [
        [{ LB_PROXY_PROTOCOL: 'true', LB_TRUSTED_PROXIES: '127.0.0.1' }, 'PROXY TCP4 '],
        [{ LB_PROXY_PROTOCOL: 'true', LB_TRUSTED_PROXIES: '127.0.0.1' }, ''],
        [{ LB_PROXY_PROTOCOL: 'true', LB_TRUSTED_PROXIES: '127.0.0.1' }, 'PROXY UNKNOWN\r\n'],
        [{ LB_H2C: 'true' }, 'PR'],
        [{ LB_H2C: 'true' }, 'PRI * HTTP/2.0\r\n\r\n']
      ]
  for (const [env, sent] of cases) {
    const balancer = await startBalancer(t, [backend], { ...ENV, ...env })
    const client = await RawClient.open(t, balancer.port, null)
    client.send(sent)
    await eventually(() => balancer.connections.size === 1)
    await sleep(20)
    const state = closing(balancer)
    await t.resolves(client.untilClosed(PROMPTLY_MS), JSON.stringify(sent))
    await eventually(() => state.isOver, PROMPTLY_MS)
  }
  t.equal(held.length, 0)
})

test('nothing looks after a server that is closed', async (t) => {
  const { backend } = await holding(t)
  const balancer = await startBalancer(t, [backend], ENV)
  t.equal(statusOf(await exchange(t, balancer.port, get())), 200)
  const { server } = balancer.fastify
  let closes = 0
  server.on('close', () => closes++)
  await balancer.fastify.close()
  let looks = 0
  Object.defineProperty(server, 'headersTimeout', { get: () => ++looks })
  await sleep(1200)
  t.same([looks, closes], [0, 1])
  await t.rejects(new Promise((_, reject) => connect(balancer.port, '127.0.0.1').on('error', reject)))
})
