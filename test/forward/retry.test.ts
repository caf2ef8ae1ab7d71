import { randomFillSync } from 'node:crypto'
import { Agent, createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, sleep, startBalancer, test, withoutChance } from '../helper.js'
import { framed, type Peer } from '../support/frame-backend.js'
import { answering as answeringHttp2, http2Backend } from '../support/http2-backend.js'
import { Flag, Type } from '../support/http2-frames.js'
import { answering, OK, refusing, type Script, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { type Act, acting, answeredOf } from '../support/whole-requests.js'
import { type Message, statusOf } from '../support/wire.js'

// Retry

const request = (method: string, body = '') =>
  `${method} / HTTP/1.1\r\nHost: x\r\n${body ? `Content-Length: ${body.length}\r\n` : ''}\r\n${body}`

const counts = ({ stats }: Balancer) =>
  stats().backends.map(({ total, failed, retries }) => [total, failed, retries])

test('a refused request is answered by another backend, whatever it is', async (t) => {
  withoutChance(t)
  const other = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [await refusing(t), other])
  const requests = [request('GET'), request('POST', 'hello'), request('PATCH', 'hello'), request('DELETE')]
  for (const bytes of requests) {
    // Back in, so that each request meets the refusal.
    balancer.registry.setState(balancer.registry.backends[0]!, 'healthy', 'test')
    t.equal(statusOf(await exchange(t, balancer.port, bytes)), 200)
  }
  t.equal(other.requests.length, requests.length)
  t.same(counts(balancer), [
    [4, 4, 4],
    [4, 0, 0]
  ])
  t.equal(balancer.stats().requests.failed, 0)
  t.equal(balancer.stats().requests.total, 4)
})

test('a chunked body that arrives slowly goes whole to the second backend', async (t) => {
  withoutChance(t)
  const other = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [await refusing(t), other])
  const client = await RawClient.open(t, port)
  client.send('PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n')
  await sleep(50)
  client.send('3\r\ntwo\r\n0\r\n\r\n')
  t.equal(statusOf(await client.response()), 200)
  t.equal(other.requests[0]!.body.toString(), 'onetwo')
})

test('at most three backends see a request', async (t) => {
  const refused = [await refusing(t), await refusing(t), await refusing(t), await refusing(t)]
  const balancer = await startBalancer(t, refused)
  const attempts: number[] = []
  balancer.registry.on('failure', ({ backend }) => attempts.push(backend.id))
  t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), 502)
  t.equal(attempts.length, 3)
  t.equal(new Set(attempts).size, 3, 'three different ones')
  const { requests, backends } = balancer.stats()
  t.equal(requests.failed, 1)
  t.equal(
    backends.reduce((sum, { retries }) => sum + retries, 0),
    2
  )
})

/** What a backend does to a request, and which other requests are then tried elsewhere. */
const BREAKS: Record<string, Script> = {
  reset: (_request, socket) => socket.resetAndDestroy(),
  closed: (_request, socket) => socket.end()
}
for (const [how, script] of Object.entries(BREAKS)) {
  test(`a connection ${how} before the answer: tried again only where that does no harm`, async (t) => {
    withoutChance(t)
    const cases = [
      ['GET', '', 200],
      ['OPTIONS', '', 200],
      ['PUT', '', 200],
      ['DELETE', '', 200],
      ['PROPFIND', '', 200],
      ['POST', '', 502],
      ['PATCH', '', 502],
      ['LOCK', '', 502],
      ['POST', 'hello', 502],
      // Small enough to be kept.
      ['PUT', 'hello', 200],
      ['GET', 'hello', 200],
      ['PUT', 'hello'.repeat(20_000), 502]
    ] as const
    for (const [method, body, status] of cases) {
      const [first, other] = [await scripted(t, script), await scripted(t, answering(OK))]
      const balancer = await startBalancer(t, [first, other])
      t.equal(
        statusOf(await exchange(t, balancer.port, request(method, body))),
        status,
        `${method} ${body.length}`
      )
      t.equal(first.requests.length, 1)
      const retried = status === 200 ? 1 : 0
      t.match(balancer.stats().backends[0], { failed: 1, retries: retried, state: 'healthy', active: 0 })
    }
  })
}

test('a connection that was idle and is closed under a request costs nothing', async (t) => {
  // Keeps the connection after the first answer, and resets it on the second request.
  const seen = new Map<Socket, number>()
  const fickle: Script = (_request: Message, socket) => {
    const count = (seen.get(socket) ?? 0) + 1
    seen.set(socket, count)
    if (count === 1) socket.write(OK)
    else socket.resetAndDestroy()
  }
  const balancer = await startBalancer(t, [await scripted(t, fickle), await scripted(t, answering(OK))])
  const client = await RawClient.open(t, balancer.port)
  for (let i = 0; i < 12; i++) {
    client.send(request('GET'))
    t.equal(statusOf(await client.response()), 200)
  }
})

test('an answer is never tried again, whatever it says', async (t) => {
  for (const status of [500, 502, 503, 504, 429]) {
    const script = answering(`HTTP/1.1 ${status} No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n`)
    const backends = [await scripted(t, script), await scripted(t, script)]
    const balancer = await startBalancer(t, backends)
    t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), status)
    t.equal(backends[0]!.requests.length + backends[1]!.requests.length, 1)
    t.equal(balancer.stats().requests.failed, 0)
  }
})

test('a backend that refuses is taken out at once, and comes back when it accepts', async (t) => {
  withoutChance(t)
  const [first, other] = [await refusing(t), await scripted(t, answering(OK))]
  const balancer = await startBalancer(t, [first, other])
  const state = () => balancer.stats().backends[0]!
  t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), 200)
  t.match(state(), { state: 'unhealthy', reason: 'connection refused' })
  t.ok(
    balancer.log.some(({ msg }) =>
      /^Backend\[0\] .* is UNHEALTHY, was healthy: connection refused$/.test(msg)
    )
  )
  for (let i = 0; i < 20; i++) t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), 200)
  t.equal(state().total, 1, 'it gets no request')
  await first.listen()
  await eventually(() => state().state === 'healthy')
  t.equal(state().reason, 'check passed: connection accepted')
})

test('the last backend is not taken out', async (t) => {
  const [first, last] = [await refusing(t), await refusing(t)]
  const balancer = await startBalancer(t, [first, last])
  for (let i = 0; i < 3; i++) t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), 502)
  t.equal(balancer.registry.eligibleCount, 1)
  await Promise.all([first.listen(), last.listen()])
  t.ok(balancer.log.some(({ msg }) => /failed a request: connection refused$/.test(msg)))
})

test('failures are told once a second, with their count', async (t) => {
  const balancer = await startBalancer(t, [await refusing(t)])
  for (let i = 0; i < 5; i++) await exchange(t, balancer.port, request('GET'))
  const told = () => balancer.log.filter(({ code }) => code === 'LB_BACKEND_UNREACHABLE')
  t.match(told(), [{ level: 40, repeats: 1, detail: 'connection refused' }])
  t.equal(told().length, 1)
  await eventually(() => told().length === 2)
  t.match(told()[1], { repeats: 4, msg: /\(4 times\)$/ })
})

// Unprocessed

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
  const other = await http2Backend(t, answeringHttp2('other'))
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

// Upload failover

const SIZE = 5_000_000
const UPLOADS = 100
const CONCURRENCY = 5

const BODY = randomFillSync(Buffer.alloc(SIZE))

/** Compares a body with what was sent, chunk for chunk. */
async function isWhole(body: IncomingMessage): Promise<boolean> {
  let at = 0
  let same = true
  for await (const chunk of body as AsyncIterable<Buffer>) {
    same &&= chunk.equals(BODY.subarray(at, at + chunk.length))
    at += chunk.length
  }
  return same && at === SIZE
}

/** A backend that tells which uploads came whole. */
async function counting(t: Test) {
  const whole: string[] = []
  const server = createServer(async (req, res) => {
    if (await isWhole(req)) whole.push(req.url!)
    res.end('done')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, whole }
}

function upload(port: number, path: string, agent: Agent, chunked: boolean): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | number> = chunked ? {} : { 'Content-Length': SIZE }
    const req = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', agent, headers }, (res) => {
      res.resume().on('end', () => resolve(res.statusCode))
    })
    req.on('error', reject)
    req.write(BODY.subarray(0, SIZE / 2))
    req.end(BODY.subarray(SIZE / 2))
  })
}

test(`${UPLOADS} uploads arrive whole although the first choice refuses each of them`, async (t) => {
  withoutChance(t)
  const other = await counting(t)
  const { address } = await refusing(t)
  const { port, registry, stats } = await startBalancer(t, `${address};weight=256 ${other.address}`)
  const agent = new Agent({ keepAlive: true })
  atEnd(t, () => agent.destroy())
  // Always back in at once, so that each upload meets the refusal.
  registry.on('state', ({ backend }) => registry.setState(backend, 'healthy', 'test'))
  let next = 0
  const worker = async () => {
    while (next < UPLOADS) {
      const id = next++
      t.equal(await upload(port, `/${id}`, agent, id % 2 === 0), 200)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  t.equal(new Set(other.whole).size, UPLOADS)
  t.equal(other.whole.length, UPLOADS, 'each once')
  const [first, second] = stats().backends
  // While both are idle but for another refusal, the second has less to do.
  t.ok(first!.total >= UPLOADS - CONCURRENCY, `${first!.total} were refused`)
  t.match(first, { failed: first!.total, retries: first!.total, bytes: { sent: 0 } })
  t.match(second, { total: UPLOADS, failed: 0, bytes: { sent: UPLOADS * SIZE } })
  t.equal(stats().requests.failed, 0)
})
