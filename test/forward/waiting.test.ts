import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { freePort } from '../../scenarios/processes.js'
import { type Balancer, eventually, inFlight, sleep, startBalancer, test, withoutChance } from '../helper.js'
import { answering, OK, type RawBackend, scripted, serving } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

// Queue

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

test('a backend gets no more requests at once than it may have; the others wait in order', async (t) => {
  const held: { path: string; socket: Socket }[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    held.push({ path: startLine.split(' ')[1]!, socket })
  })
  const balancer = await startBalancer(t, `${backend.address};max=2`)
  const clients: RawClient[] = []
  for (let i = 0; i < 6; i++) {
    const client = await RawClient.open(t, balancer.port)
    client.send(get(`/${i}`))
    clients.push(client)
    await eventually(() => balancer.registry.inFlight === i + 1)
  }
  await eventually(() => held.length === 2)
  t.same(inFlight(balancer), [6, 2])
  t.equal(balancer.stats().requests.queued, 4)
  clients[3]!.socket.destroy()
  await eventually(() => balancer.stats().requests.queued === 3)
  for (const next of ['/0', '/1', '/2', '/4', '/5']) {
    await eventually(() => held.some(({ path }) => path === next))
    t.ok(held.length <= 2, `${held.length} at once`)
    const [{ path, socket }] = held.splice(0, 1) as [(typeof held)[number]]
    t.equal(path, next)
    socket.write(OK)
    t.equal(statusOf(await clients[Number(next[1])]!.response()), 200)
  }
})

test('who waits too long, or finds the queue full, is told so', async (t) => {
  const backend = await scripted(t, () => {})
  const balancer = await startBalancer(t, `${backend.address};max=1`, {
    LB_QUEUE_SIZE: '1',
    LB_QUEUE_TIMEOUT: '2'
  })
  const first = await RawClient.open(t, balancer.port)
  first.send(get('/first'))
  await eventually(() => inFlight(balancer)[1] === 1)
  const second = await RawClient.open(t, balancer.port)
  second.send(get('/second'))
  await eventually(() => balancer.stats().requests.queued === 1)
  const refused = await exchange(t, balancer.port, get('/third'))
  t.equal(statusOf(refused), 503)
  t.equal(fieldValue(refused.fields, 'retry-after'), '1')
  t.match(refused.body.toString(), 'LB_QUEUE_FULL')
  const late = await second.response()
  t.equal(statusOf(late), 503)
  t.match(late.body.toString(), 'LB_QUEUE_TIMEOUT')
  t.match(balancer.stats().requests, { queued: 0, failed: 0, rejected: { queueFull: 1, queueTimeout: 1 } })
  first.socket.destroy()
})

test('a backup is used while no other backend can be, and not because they are full', async (t) => {
  const named = (name: string) => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${name}`
  const proper = await scripted(t, (_request, socket) => void socket.write(named('p')))
  const backup = await scripted(t, (_request, socket) => void socket.write(named('b')))
  const balancer = await startBalancer(t, `${proper.address} ${backup.address};backup`)
  const ask = async () => `${(await exchange(t, balancer.port, get('/'))).body}`
  for (let i = 0; i < 5; i++) t.equal(await ask(), 'p')
  balancer.registry.setDraining(balancer.registry.backends[0]!, true, 'test')
  t.equal(await ask(), 'b')
  balancer.registry.setDraining(balancer.registry.backends[0]!, false, 'test')
  t.equal(await ask(), 'p')
})

test('a retry that waits for room too long fails as the first one did, and is counted once', async (t) => {
  withoutChance(t)
  const broken = await scripted(t, (_request, socket) => socket.resetAndDestroy())
  const full = await scripted(t, () => {})
  const balancer = await startBalancer(t, `${broken.address} ${full.address};max=1`, {
    LB_QUEUE_TIMEOUT: '0.3'
  })
  balancer.registry.setDraining(balancer.registry.backends[0]!, true, 'test')
  const first = await RawClient.open(t, balancer.port)
  first.send(get('/first'))
  await eventually(() => inFlight(balancer)[2] === 1)
  balancer.registry.setDraining(balancer.registry.backends[0]!, false, 'test')
  t.equal(statusOf(await exchange(t, balancer.port, get('/second'))), 502)
  t.match(balancer.stats().requests, { failed: 1, rejected: { queueTimeout: 0 } })
  first.socket.destroy()
})

// Sticky queue

const getAs = (path: string, cookie = 'a=b') => `GET ${path} HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`
const named = (name: string) => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${name}`

interface Holding {
  readonly address: string
  /** Answers the first of those that are held. */
  answer(): Promise<void>
}

/** A backend that answers with its name, but holds what asks for `/hold…`. */
async function holding(t: Test, name: string): Promise<Holding> {
  const held: Socket[] = []
  const { address } = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/hold')) held.push(socket)
    else socket.write(named(name))
  })
  const answer = async () => {
    await eventually(() => held.length > 0)
    held.shift()!.write(named(name))
  }
  return { address, answer }
}

/** Two backends of one request at a time, and the cookie of a client of the first. */
async function pair(t: Test, env: Record<string, string> = {}) {
  const [a, b] = [await holding(t, 'a'), await holding(t, 'b')]
  const balancer = await startBalancer(t, `${a.address};max=1 ${b.address};max=1`, {
    LB_STICKY_COOKIE: 'lb',
    LB_ALGORITHM: 'round-robin',
    LB_NO_EJECTION: 'true',
    ...env
  })
  const first = await exchange(t, balancer.port, getAs('/'))
  t.equal(`${first.body}`, 'a')
  return { a, b, balancer, cookie: fieldValue(first.fields, 'set-cookie')!.split(';')[0]! }
}

async function ask(t: Test, { port, registry }: Balancer, bytes: string): Promise<RawClient> {
  const before = registry.inFlight
  const client = await RawClient.open(t, port)
  client.send(bytes)
  await eventually(() => registry.inFlight > before)
  return client
}

const queued = ({ stats }: Balancer) => stats().requests.queued

test('a request that waits for the backend of its session holds up nobody', async (t) => {
  const { a, balancer, cookie } = await pair(t)
  const holder = await ask(t, balancer, getAs('/hold', cookie))
  const waiting = [await ask(t, balancer, getAs('/1', cookie)), await ask(t, balancer, getAs('/2', cookie))]
  t.equal(queued(balancer), 2)
  for (let i = 0; i < 5; i++) t.equal(`${(await exchange(t, balancer.port, getAs('/'))).body}`, 'b')
  t.equal(queued(balancer), 2)
  await a.answer()
  for (const client of [holder, ...waiting]) t.equal(`${(await client.response()).body}`, 'a')
})

test('behind one that any backend would do for, all others wait in order', async (t) => {
  const { a, b, balancer, cookie } = await pair(t)
  const holders = [await ask(t, balancer, getAs('/hold', cookie)), await ask(t, balancer, getAs('/hold'))]
  t.same(inFlight(balancer), [2, 1, 1])
  const kept = await ask(t, balancer, getAs('/kept', cookie))
  const any = await ask(t, balancer, getAs('/hold-any'))
  const last = await ask(t, balancer, getAs('/last'))
  t.equal(queued(balancer), 3)
  await b.answer()
  t.equal(`${(await holders[1]!.response()).body}`, 'b')
  await eventually(() => queued(balancer) === 2)
  t.equal(last.received.length, 0)
  await b.answer()
  t.equal(`${(await any.response()).body}`, 'b')
  t.equal(`${(await last.response()).body}`, 'b')
  t.equal(kept.received.length, 0)
  await a.answer()
  t.equal(`${(await kept.response()).body}`, 'a')
})

test('one that waits for its backend moves when that is drained', async (t) => {
  const { a, balancer, cookie } = await pair(t)
  const holder = await ask(t, balancer, getAs('/hold', cookie))
  const kept = await ask(t, balancer, getAs('/', cookie))
  t.equal(queued(balancer), 1)
  balancer.registry.setDraining(balancer.registry.backends[0]!, true, 'test')
  const moved = await kept.response()
  t.equal(`${moved.body}`, 'b')
  t.match(fieldValue(moved.fields, 'set-cookie'), /^lb=/)
  await a.answer()
  const last = await holder.response()
  t.equal(`${last.body}`, 'a')
  t.equal(fieldValue(last.fields, 'set-cookie'), undefined, 'its cookie names no other backend')
})

test('one whose backend comes back full while it waits holds up nobody from then on', async (t) => {
  const { a, b, balancer, cookie } = await pair(t)
  const { registry } = balancer
  const own = await ask(t, balancer, getAs('/hold', cookie))
  const other = await ask(t, balancer, getAs('/hold'))
  registry.setDraining(registry.backends[0]!, true, 'test')
  const kept = await ask(t, balancer, getAs('/kept', cookie))
  t.equal(queued(balancer), 1)
  registry.setDraining(registry.backends[0]!, false, 'test')
  await b.answer()
  t.equal(`${(await other.response()).body}`, 'b')
  t.equal(`${(await exchange(t, balancer.port, getAs('/'))).body}`, 'b')
  t.equal(kept.received.length, 0)
  await a.answer()
  t.equal(`${(await own.response()).body}`, 'a')
  t.equal(`${(await kept.response()).body}`, 'a')
})

test('who waits too long for its backend is told so, and the session stays', async (t) => {
  const { a, balancer, cookie } = await pair(t, { LB_QUEUE_TIMEOUT: '0.2' })
  const holder = await ask(t, balancer, getAs('/hold', cookie))
  const late = await exchange(t, balancer.port, getAs('/', cookie))
  t.equal(statusOf(late), 503)
  t.match(`${late.body}`, 'LB_QUEUE_TIMEOUT')
  t.equal(fieldValue(late.fields, 'set-cookie'), undefined)
  await a.answer()
  t.equal(statusOf(await holder.response()), 200)
  t.equal(`${(await exchange(t, balancer.port, getAs('/', cookie))).body}`, 'a')
})

test('one whose backend is back full after an outage holds up nobody who waited through that', async (t) => {
  const { a, balancer, cookie } = await pair(t, { LB_OUTAGE_TIMEOUT: '20' })
  const { registry } = balancer
  const setDraining = (draining: boolean) => {
    for (const backend of registry.backends) registry.setDraining(backend, draining, 'test')
  }
  const own = await ask(t, balancer, getAs('/hold', cookie))
  setDraining(true)
  const kept = await ask(t, balancer, getAs('/kept', cookie))
  const others = [await ask(t, balancer, getAs('/1')), await ask(t, balancer, getAs('/2'))]
  t.equal(queued(balancer), 3)
  setDraining(false)
  for (const client of others) t.equal(`${(await client.response()).body}`, 'b')
  t.equal(kept.received.length, 0)
  await a.answer()
  t.equal(`${(await own.response()).body}`, 'a')
  t.equal(`${(await kept.response()).body}`, 'a')
})

// Outage

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
    await scripted(t, answering(OK), await freePort()),
    await scripted(t, answering(OK), await freePort())
  ]
  for (const backend of backends) await backend.stop()
  return backends
}

test('while nothing listens anywhere requests wait, and go as soon as one backend is back', async (t) => {
  const backends = await bothStopped(t)
  const balancer = await startBalancer(t, backends, { LB_OUTAGE_TIMEOUT: '20' })
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
  const balancer = await startBalancer(t, backends, { LB_OUTAGE_TIMEOUT: '20' })
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

/** Three backends that end, one after the other, as they get the request of a client; it then waits, as does a second one, or is answered. */
async function allEnd(t: Test) {
  const backends = await Promise.all([0, 1, 2].map(() => scripted(t, () => {})))
  const balancer = await startBalancer(t, backends, { LB_OUTAGE_TIMEOUT: '20', LB_RETRY_BUDGET: '100' })
  const [client, second] = [await RawClient.open(t, balancer.port), await RawClient.open(t, balancer.port)]
  client.send(GET)
  // Sooner than anybody finds that the others refuse.
  for (let i = 0; i < 3; i++) {
    await eventually(() => backends.some(({ requests }) => requests.length > 0))
    const hit = backends.find(({ requests }) => requests.length > 0)!
    hit.requests.length = 0
    await hit.stop()
  }
  const isAnswered = () => client.received.length > 0
  await eventually(() => balancer.stats().requests.queued === 1 || isAnswered())
  // It finds nobody, and so that it was not the first one's doing.
  second.send(GET)
  await eventually(() => balancer.stats().requests.queued === 2 || isAnswered())
  return { backends, client, second }
}

test('when all end at once, what was under way is not lost; what ends them is not passed around', async (t) => {
  // Another client has to come within 75 ms, for which a busy machine may be too slow.
  let scene = await allEnd(t)
  for (let i = 0; i < 20 && scene.client.received.length > 0; i++) scene = await allEnd(t)
  const { backends, client, second } = scene
  t.equal(client.received.length, 0)
  for (const backend of backends) await backend.listen()
  await eventually(() => backends.reduce((sum, { requests }) => sum + requests.length, 0) === 2)
  for (const { sockets } of backends) for (const socket of sockets) socket.write(OK)
  t.equal(statusOf(await client.response()), 200)
  t.equal(statusOf(await second.response()), 200)

  const breaking = await Promise.all(
    [0, 1, 2, 3].map(() => scripted(t, (_request, socket) => socket.resetAndDestroy()))
  )
  const other = await startBalancer(t, breaking, { LB_OUTAGE_TIMEOUT: '20', LB_NO_EJECTION: 'true' })
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
    const balancer = await startBalancer(t, [backend], { LB_OUTAGE_TIMEOUT: '20' })
    const client = await sent(balancer, t, GET)
    await backend.listen()
    t.equal(statusOf(await client.response()), status, `${breaks}`)
  }
})

test('who waits too long is told so, and so is who would be one too many', async (t) => {
  const backends = await bothStopped(t)
  const balancer = await startBalancer(t, backends, { LB_OUTAGE_TIMEOUT: '3', LB_QUEUE_SIZE: '1' })
  const clients = [await sent(balancer, t, GET), await RawClient.open(t, balancer.port)]
  clients[1]!.send(GET)
  await eventually(() => clients.some(({ received }) => received.length > 0))
  t.match(balancer.stats().requests, { inFlight: 1, rejected: { outageTimeout: 0 } }, 'at once')
  // The first one may have lost its place while it looked whether a backend is back.
  const [refused, waiting] = clients[1]!.received.length > 0 ? clients.reverse() : clients
  const status = statusOf(await refused!.response())
  t.ok([502, 503].includes(status), `${status}`)
  const late = await waiting!.response()
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
    LB_OUTAGE_TIMEOUT: '20'
  })
  t.equal(balancer.stats().backends[0]!.state, 'unhealthy')
  const client = await sent(balancer, t, GET)
  status = OK
  t.equal(statusOf(await client.response()), 200)
})

// Patience

const postFramed = (framing: string, body = '', ...fields: string[]) =>
  ['POST / HTTP/1.1', 'Host: x', framing, ...fields, '', body].join('\r\n')

test('a body that goes on, however slowly, is in time; so is one that a backend holds back', async (t) => {
  const backend = await serving(t, (socket) => {
    let received = 0
    let isHeld = false
    socket.on('data', (bytes: Buffer) => {
      received += bytes.length
      // It stops amid the large body for longer than a client may.
      if (!isHeld && received > 1_000_000) {
        isHeld = true
        socket.pause()
        setTimeout(() => socket.resume(), 3000)
      }
      if (`${bytes.subarray(-5)}`.endsWith('done.')) socket.write(OK)
    })
  })
  const balancer = await startBalancer(t, [backend], { LB_REQUEST_BODY_TIMEOUT: '2' })
  const slow = await RawClient.open(t, balancer.port)
  slow.send(postFramed('Content-Length: 9'))
  const large = await RawClient.open(t, balancer.port)
  large.send(postFramed('Content-Length: 8000000', 'x'.repeat(8_000_000 - 5)))
  const sentAll = eventually(() => large.socket.writableLength === 0, 20_000).then(() => large.send('done.'))
  for (const byte of 'so, ') {
    await sleep(700)
    slow.send(byte)
  }
  slow.send('done.')
  t.equal(statusOf(await slow.response()), 200)
  await sentAll
  t.equal(statusOf(await large.response()), 200)
})

test('a body is not late for the time in which its request waits in the queue', async (t) => {
  let held: Socket | undefined
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/first')) held = socket
    else socket.write(OK)
  })
  const balancer = await startBalancer(t, `${backend.address};max=1`, { LB_REQUEST_BODY_TIMEOUT: '1' })
  const first = await RawClient.open(t, balancer.port)
  first.send(get('/first'))
  await eventually(() => held)
  const second = await RawClient.open(t, balancer.port)
  second.send(postFramed('Content-Length: 10', 'hello'))
  await sleep(1500)
  held!.write(OK)
  await sleep(500)
  second.send('there')
  t.equal(statusOf(await second.response()), 200)
})

test('a body that waits for a 100 is not late before that, but after it', async (t) => {
  let socket!: Socket
  const backend = await serving(t, (by) => {
    socket = by
  })
  const balancer = await startBalancer(t, [backend], { LB_REQUEST_BODY_TIMEOUT: '1' })
  const client = await RawClient.open(t, balancer.port)
  client.send(postFramed('Content-Length: 1000', '', 'Expect: 100-continue'))
  await sleep(1700)
  t.notOk(client.closed)
  t.equal(client.received.length, 0)
  socket.write('HTTP/1.1 100 Continue\r\n\r\n')
  t.equal(statusOf(await client.next()), 100)
  const begun = performance.now()
  t.equal(statusOf(await client.response()), 408)
  const took = performance.now() - begun
  t.ok(took > 900 && took < 20_000, `${took} ms`)
})

test('a connection may be idle for so long, whatever it carried before', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], { LB_KEEP_ALIVE_TIMEOUT: '2' })
  const sents = [
    GET,
    GET.replace(' /', ' /__lb/live'),
    postFramed('Content-Length: 5', 'hello'),
    postFramed('Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'),
    GET + GET,
    postFramed('Content-Length: 5', 'hello') + GET
  ]
  await Promise.all(
    sents.map(async (sent) => {
      const client = await RawClient.open(t, balancer.port)
      client.send(sent)
      for (let i = sent.split(' HTTP/1.1').length; i > 1; i--) await client.response()
      await sleep(700)
      t.notOk(client.closed)
      await t.resolves(client.untilClosed(), JSON.stringify(sent))
      t.equal(client.received.length, 0)
    })
  )
  const busy = await RawClient.open(t, balancer.port)
  for (let i = 0; i < 4; i++) {
    busy.send(GET)
    t.equal(statusOf(await busy.response()), 200)
    await sleep(700)
  }
})
