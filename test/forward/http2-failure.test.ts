import { createServer } from 'node:http'
import type { Test } from 'tap'
import { type Balancer, eventually, startBalancer, test, withoutChance } from '../helper.js'
import { framed, onRequest, type Peer } from '../support/frame-backend.js'
import { answering, bodyOf, http2Backend } from '../support/http2-backend.js'
import { type Frame, Type } from '../support/http2-frames.js'
import { listen } from '../support/listen.js'
import { OK, answering as rawly, scripted, serving } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { type Message, statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'
const CHUNKED =
  'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n'
const REFUSED_STREAM = 7

const h2 = ({ address }: { readonly address: string }) => ({ address: `${address};h2` })

const codeOf = (response: Message) => JSON.parse(response.body.toString()).code

const failures = (balancer: Balancer) =>
  balancer.stats().backends.map(({ failed, retries }) => [failed, retries])

const isLogged = (balancer: Balancer, text: string) => balancer.log.some(({ msg }) => msg.includes(text))

/** Two backends of which the first is chosen at first. */
async function beside(t: Test, first: { readonly address: string }, env: Record<string, string> = {}) {
  withoutChance(t)
  const other = await http2Backend(t, async (asked) => answering(await bodyOf(asked))(asked))
  const balancer = await startBalancer(t, [first, other], env)
  return { other, balancer }
}

test('a request that was refused unprocessed is tried elsewhere, whatever it is, with its body', async (t) => {
  for (const request of [GET, POST, CHUNKED]) {
    const backend = await framed(
      t,
      onRequest((id, peer) => peer.reset(id, REFUSED_STREAM))
    )
    const { other, balancer } = await beside(t, h2(backend))
    const response = await exchange(t, balancer.port, request)
    t.equal(statusOf(response), 200)
    t.equal(response.body.toString(), request === GET ? '' : 'hello')
    t.equal(backend.peers[0]!.requests.length, 1)
    t.equal(other.requests.length, 1)
    t.same(failures(balancer), [
      [1, 1],
      [0, 0]
    ])
    t.ok(isLogged(balancer, 'request refused unprocessed'))
  }
})

test('also by a backend of HTTP/1.1, and with trailers', async (t) => {
  withoutChance(t)
  const backend = await framed(
    t,
    onRequest((id, peer) => setTimeout(() => peer.reset(id, REFUSED_STREAM), 30))
  )
  const other = await scripted(t, rawly(OK))
  const balancer = await startBalancer(t, [h2(backend), other])
  for (const request of [POST, CHUNKED]) {
    t.equal(statusOf(await exchange(t, balancer.port, request)), 200)
    t.match(other.requests.at(-1), {
      body: Buffer.from('hello'),
      trailers: request === CHUNKED ? [['X-Sum', '7']] : []
    })
  }
})

test('not if more of its body is gone than is kept', async (t) => {
  for (const [env, size] of [
    [{ LB_RETRY_BUFFER: '0' }, 5],
    [{ LB_RETRY_BUFFER: '1000' }, 2000]
  ] as const) {
    const backend = await framed(t, ({ type, flags, id }: Frame, peer) => {
      if (type === 0 && (flags & 1) !== 0) peer.reset(id, REFUSED_STREAM)
    })
    const { other, balancer } = await beside(t, h2(backend), env)
    const response = await exchange(
      t,
      balancer.port,
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`
    )
    t.equal(codeOf(response), 'LB_CONNECTION_LOST')
    t.equal(other.requests.length, 0)
  }
})

test('a single backend is tried again, on another connection, when it goes away before a request', async (t) => {
  const backend = await framed(t, ({ type, id }, peer) => {
    if (type !== Type.headers) return
    // As at the end of the time, or of the number of requests, that it gives a connection.
    if (id === 1 || peer !== backend.peers[0]) peer.answer(id)
    else peer.goAway(1)
  })
  const balancer = await startBalancer(t, [h2(backend)])
  for (const request of [GET, POST, GET, CHUNKED])
    t.equal(statusOf(await exchange(t, balancer.port, request)), 200)
  t.same(failures(balancer), [[1, 1]])
  t.equal(backend.connections, 2)
})

for (const [what, end] of [
  ['given up', (id, peer) => peer.reset(id, 2)],
  ['lost with its connection', (_id, peer) => peer.socket.destroy()]
] as [string, (id: number, peer: Peer) => void][]) {
  test(`a request ${what} before an answer is tried elsewhere if it may be sent twice`, async (t) => {
    const backend = await framed(t, onRequest(end))
    const { other, balancer } = await beside(t, h2(backend))
    t.equal(codeOf(await exchange(t, balancer.port, POST)), 'LB_CONNECTION_LOST')
    t.equal(other.requests.length, 0)
    t.equal(statusOf(await exchange(t, balancer.port, GET)), 200)
    const put = `PUT${POST.slice(4)}`
    t.equal((await exchange(t, balancer.port, put)).body.toString(), 'hello')
  })
}

test('a response that breaks after its head is cut off, never completed', async (t) => {
  for (const [what, act] of [
    ['a reset', (id, peer) => peer.reset(id, 2)],
    ['a reset without an error', (id, peer) => peer.reset(id, 0)],
    ['the end of its connection', (_id, peer) => peer.socket.end()],
    ['trailers that are none', (id, peer) => peer.head(id, ['X', 'y'], true)],
    ['a broken frame', (_id, peer) => peer.send(8, 0, 0, 'x')]
  ] as [string, (id: number, peer: Peer) => void][]) {
    for (const fields of [[], ['content-length', '10']]) {
      const backend = await framed(
        t,
        onRequest((id, peer) => {
          peer.head(id, [':status', '200', ...fields])
          peer.data(id, 'hello')
          setTimeout(act, 30, id, peer)
        })
      )
      const balancer = await startBalancer(t, [h2(backend)])
      const client = await RawClient.open(t, balancer.port)
      client.send(GET)
      await client.untilClosed()
      const text = client.received.toString('latin1')
      t.match(text, /^HTTP\/1\.1 200 OK\r\n/, what)
      t.ok(text.includes('hello'))
      t.notOk(text.endsWith('0\r\n\r\n'), 'not ended as a whole one')
      t.same(failures(balancer), [[1, 0]])
    }
  }
})

test('what a backend breaks is blamed on it: 502, and no other client is harmed', async (t) => {
  const backend = await framed(
    t,
    onRequest((id, peer) => {
      if (id === 3) peer.head(id, [':status', '200', 'connection', 'close'], true)
    })
  )
  const balancer = await startBalancer(t, [h2(backend)])
  const client = await RawClient.open(t, balancer.port)
  client.send(GET)
  await eventually(() => backend.peers[0]?.requests.length === 1)
  const broken = await exchange(t, balancer.port, GET)
  t.same([statusOf(broken), codeOf(broken)], [502, 'LB_BAD_RESPONSE'])
  backend.peers[0]!.answer(1)
  t.equal((await client.response()).body.toString(), 'ok')
  t.ok(isLogged(balancer, 'broken response (field of a connection)'))
})

test('a request without an answer in time is given up, and its connection goes on', async (t) => {
  const backend = await framed(t, ({ type, id }, peer) => {
    if (type === Type.headers && id > 1) peer.answer(id)
  })
  const balancer = await startBalancer(t, [h2(backend)], { LB_RESPONSE_TIMEOUT: '0.2' })
  t.equal(codeOf(await exchange(t, balancer.port, GET)), 'LB_RESPONSE_TIMEOUT')
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 200)
  t.match(
    backend.peers[0]!.frames.find(({ type }) => type === 3),
    { id: 1 }
  )
  t.equal(backend.connections, 1)
})

test('a server of HTTP/1.1 behind ;h2 is as one that cannot be reached, and the log says why', async (t) => {
  const address = await listen(
    t,
    createServer((_req, res) => res.end('one'))
  )
  const { other, balancer } = await beside(t, h2({ address }))
  for (const request of [GET, POST]) t.equal(statusOf(await exchange(t, balancer.port, request)), 200)
  t.equal(other.requests.length, 2)
  t.ok(isLogged(balancer, 'does not speak HTTP/2'))
  const alone = await startBalancer(t, [h2({ address })])
  t.equal(codeOf(await exchange(t, alone.port, POST)), 'LB_BACKEND_UNREACHABLE')
})

test('a backend of which no settings come in time: 504, or another one answers', async (t) => {
  const silent = await serving(t, (socket) => void socket.resume())
  const env = { LB_CONNECTION_TIMEOUT: '0.2' }
  const { balancer } = await beside(t, h2(silent), env)
  t.equal(statusOf(await exchange(t, balancer.port, POST)), 200)
  const alone = await startBalancer(t, [h2(silent)], env)
  t.equal(codeOf(await exchange(t, alone.port, GET)), 'LB_CONNECT_TIMEOUT')
  t.ok(isLogged(alone, 'no settings of HTTP/2'))
})

test('a server of HTTP/2 behind a backend of HTTP/1.1 breaks HTTP', async (t) => {
  const backend = await http2Backend(t, answering())
  const balancer = await startBalancer(t, backend.address.replace(';h2', ''))
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 502)
})

test('when a backend ends, all its requests that may be go elsewhere', async (t) => {
  const backend = await http2Backend(t, () => {})
  const { other, balancer } = await beside(t, backend)
  const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(t, balancer.port)))
  for (const client of clients) client.send(GET)
  await eventually(() => backend.requests.length + other.requests.length === 20)
  backend.kill()
  for (const client of clients) t.equal(statusOf(await client.response()), 200)
  t.match(balancer.stats().requests, { failed: 0 })
})

test('a backend that leaves finishes its streams', async (t) => {
  const backend = await http2Backend(t, () => {})
  const { balancer } = await beside(t, backend)
  const client = await RawClient.open(t, balancer.port)
  client.send(GET)
  await eventually(() => backend.requests.length === 1)
  balancer.registry.remove(balancer.registry.backends[0]!)
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 200)
  answering('late')(backend.requests[0]!)
  t.equal((await client.response()).body.toString(), 'late')
  await eventually(() => backend.sessions.size === 0)
})

test('what waits on a backend that hangs is asked of another, and given up there', async (t) => {
  let hangs = false
  const backend = await http2Backend(t, (asked) => {
    if (!hangs) answering()(asked)
  })
  const { other, balancer } = await beside(t, backend, {
    LB_NO_HEALTH_CHECK: 'false',
    LB_HEALTH_CHECK_PERIOD: '60',
    LB_STALL_TIMEOUT: '0.1'
  })
  hangs = true
  const client = await RawClient.open(t, balancer.port)
  client.send(GET)
  t.equal(statusOf(await client.response()), 200)
  t.equal(other.requests.length, 2, 'its check, and this')
  await eventually(() => backend.requests.every(({ stream }) => stream.destroyed))
  t.equal(balancer.stats().backends[0]!.state, 'ejected')
})

for (const graceful of [true, false]) {
  test(`a backend that restarts under load ${graceful ? 'in good order ' : ''}costs no client an error`, async (t) => {
    const answer = async (asked: Parameters<Parameters<typeof http2Backend>[1]>[0]) => {
      const body = await bodyOf(asked).catch(() => undefined)
      if (body && !asked.stream.destroyed) answering(body)(asked)
    }
    const backends = [await http2Backend(t, answer), await http2Backend(t, answer)]
    const balancer = await startBalancer(t, backends)
    // What is cut amid its work may be sent again only if it is idempotent.
    const request = graceful ? POST : GET
    let isOver = false
    let count = 0
    const work = Array.from({ length: 16 }, async () => {
      const client = await RawClient.open(t, balancer.port)
      while (!isOver) {
        client.send(request)
        const response = await client.response()
        count++
        if (statusOf(response) !== 200) t.fail(`${response.startLine} ${response.body}`)
      }
    })
    await eventually(() => count > 200, 10_000)
    if (graceful) {
      // Node says GOAWAY, and finishes what it has.
      for (const session of backends[0]!.sessions) session.close()
      backends[0]!.server.close()
    } else {
      backends[0]!.kill()
    }
    const before = count
    await eventually(() => count > before + 400, 10_000)
    isOver = true
    await Promise.all(work)
    t.equal(balancer.stats().requests.failed, 0)
  })
}
