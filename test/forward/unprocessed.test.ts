import { eventually, startBalancer, test } from '../helper.js'
import { framed, type Peer } from '../support/frame-backend.js'
import { answering, http2Backend } from '../support/http2-backend.js'
import { Flag, Type } from '../support/http2-frames.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { type Act, acting, answeredOf } from '../support/whole-requests.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'
const REFUSED_STREAM = 7
const ENHANCE_YOUR_CALM = 11
const MAX_STREAMS = 3
const LAST_ID = 2 ** 31 - 1
const NO_RETRIES = { LB_RETRIES: '0', LB_RETRY_BUDGET: '0' }

/** How a backend ends a connection with the `limit`th request on it, whose stream is `id`. */
const LIMITS: Readonly<Record<string, (limit: number) => Act>> = {
  'GOAWAY, with what came after it refused': (limit) => (id, nth, peer) => {
    if (nth === limit) peer.goAway(id)
    if (nth <= limit) peer.answer(id)
    else peer.reset(id, REFUSED_STREAM)
  },
  'GOAWAY alone': (limit) => (id, nth, peer) => {
    if (nth <= limit) peer.answer(id)
    if (nth === limit) peer.goAway(id)
  },
  'GOAWAY with an error': (limit) => (id, nth, peer) => {
    if (nth <= limit) peer.answer(id)
    if (nth === limit) peer.goAway(id, ENHANCE_YOUR_CALM)
  },
  'GOAWAY in two steps': (limit) => (id, nth, peer) => {
    if (nth === limit) {
      peer.goAway(LAST_ID)
      setTimeout(() => peer.goAway(id), 5)
    }
    if (nth <= limit) peer.answer(id)
  },
  'GOAWAY, and closes at once': (limit) => (id, nth, peer) => {
    if (nth <= limit) peer.answer(id)
    if (nth !== limit) return
    peer.goAway(id)
    peer.socket.end()
  },
  'refusals alone': (limit) => (id, nth, peer) => {
    if (nth <= limit) peer.answer(id)
    else peer.reset(id, REFUSED_STREAM)
  }
}

for (const [how, actOf] of Object.entries(LIMITS)) {
  test(`a backend that takes few requests a connection, and says so by ${how}: all are answered`, async (t) => {
    for (const [limit, bytes] of [
      [1, POST],
      [5, GET]
    ] as const) {
      const backend = await acting(t, actOf(limit))
      const balancer = await startBalancer(t, `${backend.address};h2`, NO_RETRIES)
      t.equal(await answeredOf(t, balancer, 20, 5, bytes), 100)
      const { unprocessedRetries, retries, failed } = balancer.stats().backends[0]!
      t.same([retries, failed], [unprocessedRetries, unprocessedRetries])
      // A crowd is refused once or twice, until it is known how many each takes.
      t.ok(unprocessedRetries > 0 && unprocessedRetries <= 200, `${unprocessedRetries} for ${limit}`)
      t.ok(backend.connections <= 150 / limit + 20, `${backend.connections} connections for ${limit}`)
    }
  })
}

test('a connection is given more once its backend takes more', async (t) => {
  let limit = 2
  const backend = await acting(t, (id, nth, peer) => LIMITS['GOAWAY alone']!(limit)(id, nth, peer))
  const balancer = await startBalancer(t, `${backend.address};h2`, NO_RETRIES)
  t.equal(await answeredOf(t, balancer, 10, 4, GET), 40)
  limit = Number.POSITIVE_INFINITY
  t.equal(await answeredOf(t, balancer, 10, 30, GET), 300)
  const before = backend.connections
  t.equal(await answeredOf(t, balancer, 10, 30, GET), 300)
  t.equal(backend.connections, before)
})

test('a backend that takes fewer at once than it says is given as many as it takes', async (t) => {
  const open = new Map<Peer, number>()
  const backend = await acting(t, (id, _nth, peer) => {
    const count = open.get(peer) ?? 0
    if (count === 3) return peer.reset(id, REFUSED_STREAM)
    open.set(peer, count + 1)
    setTimeout(() => {
      open.set(peer, open.get(peer)! - 1)
      if (!peer.socket.destroyed) peer.answer(id)
    }, 5)
  })
  const balancer = await startBalancer(t, `${backend.address};h2`, NO_RETRIES)
  t.equal(await answeredOf(t, balancer, 20, 5, GET), 100)
  t.ok(backend.connections < 30, `${backend.connections} connections`)
})

test('the number of streams that a backend announces bounds them besides', async (t) => {
  let most = 0
  const open = new Map<Peer, number>()
  const backend = await acting(
    t,
    (id, nth, peer) => {
      if (nth > 7) return
      open.set(peer, (open.get(peer) ?? 0) + 1)
      most = Math.max(most, open.get(peer)!)
      if (nth === 7) peer.goAway(id)
      setTimeout(() => {
        open.set(peer, open.get(peer)! - 1)
        if (!peer.socket.destroyed) peer.answer(id)
      }, 2)
    },
    (peer) => peer.settings([MAX_STREAMS, 2])
  )
  const balancer = await startBalancer(t, `${backend.address};h2`, NO_RETRIES)
  t.equal(await answeredOf(t, balancer, 20, 5, GET), 100)
  t.ok(most <= 2, `${most} at once`)
})

test('those of a session go to its backend first, and to another one only if it refuses again', async (t) => {
  const counts: number[] = []
  const backend = await acting(t, (id, nth, peer) => {
    if (nth > 1) return
    peer.head(id)
    peer.data(id, 'own', true)
    counts.push(id)
    peer.goAway(id)
  })
  const other = await http2Backend(t, answering('other'))
  const balancer = await startBalancer(t, [{ address: `${backend.address};h2` }, other], {
    ...NO_RETRIES,
    LB_STICKY_COOKIE: 'lb',
    LB_STICKY_SECRET: 'a secret of this test'
  })
  const { registry } = balancer
  registry.setDraining(registry.backends[1]!, true, 'test')
  const first = await exchange(t, balancer.port, GET)
  const cookie = first.fields.find(([name]) => name === 'Set-Cookie')![1].split(';')[0]!
  registry.setDraining(registry.backends[1]!, false, 'test')
  const clients = await Promise.all(Array.from({ length: 6 }, () => RawClient.open(t, balancer.port)))
  for (const client of clients) client.send(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`)
  const bodies = await Promise.all(clients.map(async (client) => `${(await client.response()).body}`))
  t.ok(bodies.filter((body) => body === 'own').length >= 1, `${bodies}`)
  t.ok(
    bodies.every((body) => body === 'own' || body === 'other'),
    `${bodies}`
  )
})

test('a body that was not read yet is whole, however large, and with nothing kept', async (t) => {
  const backend = await framed(t, ({ type, flags, id }, peer) => {
    const isFirst = backend.peers[0] === peer
    if (type === 1 && isFirst) peer.goAway(0)
    if (type === Type.data && (flags & Flag.endStream) !== 0 && !isFirst) peer.answer(id)
  })
  const balancer = await startBalancer(t, `${backend.address};h2`, { ...NO_RETRIES, LB_RETRY_BUFFER: '0' })
  const client = await RawClient.open(t, balancer.port)
  client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n')
  await eventually(() => backend.connections === 2)
  client.send('hello')
  t.equal(statusOf(await client.response()), 200)
})

test('a backend with one slot gives it back, and those in line go on', async (t) => {
  const backend = await acting(t, LIMITS['GOAWAY, with what came after it refused']!(1))
  const balancer = await startBalancer(t, `${backend.address};h2;max=1`, NO_RETRIES)
  t.equal(await answeredOf(t, balancer, 10, 10, GET), 100)
})
