import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { type Balancer, eventually, inFlight, sleep, startBalancer, test, withoutChance } from '../helper.js'
import { framed, onRequest, type Peer } from '../support/frame-backend.js'
import { FrameClient } from '../support/frame-client.js'
import { answering, bodyOf, http2Backend } from '../support/http2-backend.js'
import {
  data,
  type Fields,
  type Frame,
  get,
  headers,
  request,
  reset,
  Setting,
  Type,
  window
} from '../support/http2-frames.js'
import { listen } from '../support/listen.js'
import { OK, answering as rawly, scripted, serving } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { forHttp2 } from '../support/secure-ports.js'
import { type Message, statusOf } from '../support/wire.js'

// Failures

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

// Answers ahead of the end of a request

const H2C = forHttp2()
const BYTES = 200_000
const WINDOW = 10_000
const PATIENCE_MS = 10_000
const body = Buffer.alloc(BYTES, 'a')
const upload = (path = '/', ...more: Fields) => headers(1, request('POST', path, ...more), { open: true })

/** A backend that answers the head of an upload, and never reads the rest. */
const earlyBackend = (t: Test, ...parts: (string | Buffer)[]) =>
  serving(t, (socket: Socket) => {
    socket.once('data', () => {
      socket.pause()
      socket.write(Buffer.concat(parts.map((part) => Buffer.from(part as string))))
    })
  })

const CHUNKS = ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', `${BYTES.toString(16)}\r\n`, body]
const BACKENDS: Readonly<Record<string, (t: Test) => Promise<string>>> = {
  'a length': async (t) =>
    (await earlyBackend(t, `HTTP/1.1 200 OK\r\nContent-Length: ${BYTES}\r\n\r\n`, body)).address,
  chunks: async (t) => (await earlyBackend(t, ...CHUNKS, '\r\n0\r\n\r\n')).address,
  trailers: async (t) => (await earlyBackend(t, ...CHUNKS, '\r\n0\r\na: b\r\n\r\n')).address,
  'a stream of HTTP/2': async (t) => {
    const backend = await framed(
      t,
      onRequest((id, peer) => {
        peer.head(id)
        for (let at = 0; at < BYTES; at += 10_000) peer.data(id, body.subarray(at, at + 10_000))
        peer.data(id, '', true)
        peer.reset(id, 0)
      })
    )
    return `${backend.address};h2`
  }
}

const isFree = (balancer: Balancer) => inFlight(balancer).every((count) => count === 0)

for (const [framing, start] of Object.entries(BACKENDS)) {
  test(`the end of an early answer comes before the reset, when the client takes it: ${framing}`, async (t) => {
    const balancer = await startBalancer(t, await start(t), H2C)
    const session = await FrameClient.open(t, balancer.port, { own: [[Setting.window, WINDOW]] })
    session.send(upload(), data(1, 'begun'))
    const stream = session.stream(1)
    await eventually(() => stream.bodyBytes === WINDOW)
    await sleep(300)
    t.same([stream.ended, stream.resetCode], [false, undefined], 'the client has not taken it')
    session.send(window(0, 2 ** 30), window(1, 2 ** 30))
    await session.over(1)
    t.same([stream.ended, stream.resetCode, stream.bodyBytes], [true, undefined, BYTES])
    await eventually(() => stream.resetCode !== undefined)
    t.equal(stream.resetCode, 0)
    await eventually(() => isFree(balancer))
    const { requests, latency, backends } = balancer.stats()
    t.same([requests.failed, latency.count, backends[0]!.failed], [0, 1, 0])
    session.send(headers(3, get('/__lb/live')))
    t.equal((await session.over(3)).status, 200, 'the session goes on')
  })
}

test('a client that has its answer may stop by itself, or come to its end', async (t) => {
  const backend = await earlyBackend(t, 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno')
  const balancer = await startBalancer(t, [backend], H2C)
  for (const stop of [reset(1), data(1, 'the rest', true)]) {
    const session = await FrameClient.open(t, balancer.port)
    session.send(upload(), data(1, 'begun'))
    const stream = await session.over(1)
    t.same([stream.status, stream.ended, stream.resetCode], [413, true, undefined])
    session.send(stop)
    await eventually(() => isFree(balancer))
    await sleep(300)
    t.equal(stream.resetCode, undefined, 'it is asked for nothing')
  }
  t.equal(balancer.stats().latency.count, 2, 'both have been answered whole')
})

test('a client that never stops is reset, and one that never takes the end is not waited for', async (t) => {
  const chunk = `${WINDOW.toString(16)}\r\n${'a'.repeat(WINDOW)}\r\n0\r\n\r\n`
  const backend = await earlyBackend(t, CHUNKS[0]!, chunk)
  const balancer = await startBalancer(t, [backend], { ...H2C, LB_HTTP2_SEND_TIMEOUT: '1' })
  const going = await FrameClient.open(t, balancer.port)
  going.send(upload())
  const timer = setInterval(() => going.send(data(1, 'x')), 10)
  try {
    await eventually(() => going.stream(1).resetCode !== undefined, PATIENCE_MS)
    t.same([going.stream(1).ended, going.stream(1).resetCode], [true, 0])
    await eventually(() => isFree(balancer))
  } finally {
    clearInterval(timer)
  }
  const stuck = await FrameClient.open(t, balancer.port, { own: [[Setting.window, WINDOW]] })
  stuck.send(upload(), headers(3, request('GET', '/')))
  for (const id of [1, 3]) await eventually(() => stuck.stream(id).bodyBytes === WINDOW)
  await eventually(() => isFree(balancer), PATIENCE_MS)
})

test('a refusal of the balancer itself arrives whole, though the upload goes on', async (t) => {
  const backend = await earlyBackend(t)
  const refusals: [number, Readonly<Record<string, string>>, Fields?][] = [
    [413, { LB_MAX_BODY_SIZE: '1000' }, [['content-length', '100000']]],
    [413, { LB_MAX_BODY_SIZE: '1000' }],
    [403, { LB_DENY: '127.0.0.0/8' }],
    [417, {}, [['expect', 'wonders']]]
  ]
  for (const [status, env, fields = []] of refusals) {
    const balancer = await startBalancer(t, [backend], { ...H2C, ...env })
    const session = await FrameClient.open(t, balancer.port, { own: [[Setting.window, 10]] })
    session.send(upload('/', ...fields), data(1, 'x'.repeat(10_000)))
    const stream = session.stream(1)
    await eventually(() => stream.bodyBytes === 10)
    await sleep(300)
    t.same([stream.status, stream.ended, stream.resetCode], [status, false, undefined])
    session.send(window(1, 1000))
    await session.over(1)
    t.same([stream.ended, stream.resetCode], [true, undefined])
    await eventually(() => stream.resetCode === 0)
  }
})

test('so does what a page of the balancer answers to a body that it does not read', async (t) => {
  const { port } = await startBalancer(t, [await earlyBackend(t)], H2C)
  const session = await FrameClient.open(t, port)
  session.send(upload('/__lb/stats', ['content-length', '100000']), data(1, 'begun'))
  const stream = await session.over(1)
  t.same([stream.status, stream.ended, stream.resetCode], [404, true, undefined])
  await eventually(() => stream.resetCode === 0)
})
