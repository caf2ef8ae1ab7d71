import type { Test } from 'tap'
import { type Balancer, eventually, startBalancer, test, withoutChance } from '../helper.js'
import { fullBacklog } from '../support/full-backlog.js'
import {
  answering,
  BEFORE_IDLE_MS,
  OK,
  refusing,
  type Script,
  scripted,
  serving
} from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, fieldValues, type Message, statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'

/** The shape of every answer that the balancer gives itself. */
function checkFailure(t: Test, response: Message, status: number, code: string): void {
  t.equal(statusOf(response), status)
  t.equal(fieldValue(response.fields, 'content-type'), 'application/json; charset=utf-8')
  const body = JSON.parse(response.body.toString())
  t.same(Object.keys(body), ['statusCode', 'code', 'error', 'message'])
  t.match(body, { statusCode: status, code, error: response.startLine.slice('HTTP/1.1 502 '.length) })
  t.notMatch(response.body.toString(), /127\.0\.0|::1|:\d{4}/, 'no address')
}

const failed = ({ stats }: Balancer) => [stats().requests.failed, stats().backends[0]!.failed]

test('a backend that refuses: 502', async (t) => {
  const balancer = await startBalancer(t, [await refusing(t)])
  const client = await RawClient.open(t, balancer.port)
  for (const request of [GET, POST, GET]) {
    client.send(request)
    checkFailure(t, await client.response(), 502, 'LB_BACKEND_UNREACHABLE')
    // The rest of its request would be taken for the next one.
    if (request === POST) {
      await client.untilClosed()
      break
    }
  }
  t.same(failed(balancer), [2, 2])
  t.equal(balancer.stats().backends[0]!.state, 'healthy', 'the last backend is not taken out')
})

const LOST: Record<string, Script> = {
  reset: (_request, socket) => socket.resetAndDestroy(),
  closed: (_request, socket) => socket.end(),
  'closed amid the head': (_request, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-')
}
for (const [name, script] of Object.entries(LOST)) {
  test(`a connection that is ${name} before the answer: 502`, async (t) => {
    const balancer = await startBalancer(t, [await scripted(t, script)])
    for (const request of [GET, POST])
      checkFailure(t, await exchange(t, balancer.port, request), 502, 'LB_CONNECTION_LOST')
    t.same(failed(balancer), [2, 2])
  })
}

const BROKEN = {
  'no HTTP': 'SSH-2.0-OpenSSH_9.6\r\n',
  'a bad version': 'HTTP/9.1 200 OK\r\n\r\n',
  'a bad status': 'HTTP/1.1 20x OK\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
  'a negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n',
  'length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a control character in a field': 'HTTP/1.1 200 OK\r\nX: a\u0001b\r\nContent-Length: 0\r\n\r\n',
  'a NUL in a field': 'HTTP/1.1 200 OK\r\nX: a\u0000b\r\nContent-Length: 0\r\n\r\n',
  'a control character in the reason': 'HTTP/1.1 200 O\u0001K\r\nContent-Length: 0\r\n\r\n',
  'a space in a name': 'HTTP/1.1 200 OK\r\nX Y: 1\r\nContent-Length: 0\r\n\r\n',
  'a head without end': `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`,
  'a coding that would be lost':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'a coding over the chunks':
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'a length that is none': 'HTTP/1.1 304 N\r\nContent-Length: x\r\n\r\n'
}
test('a backend that breaks off amid an upload: 502, and the connection is closed', async (t) => {
  for (const fields of ['Content-Length: 1000000', 'Transfer-Encoding: chunked']) {
    const backend = await serving(t, (socket) => void socket.once('data', () => socket.resetAndDestroy()))
    const balancer = await startBalancer(t, [backend])
    const client = await RawClient.open(t, balancer.port)
    client.send(`PUT / HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n5\r\nhello\r\n`)
    const response = await client.response()
    checkFailure(t, response, 502, 'LB_CONNECTION_LOST')
    t.equal(fieldValue(response.fields, 'connection'), 'close')
    await client.untilClosed()
  }
})

test('a change of protocol that nobody asked for is no answer: 502', async (t) => {
  const bytes = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'
  const balancer = await startBalancer(t, [await scripted(t, answering(bytes))])
  t.equal(statusOf(await exchange(t, balancer.port, POST)), 502)
  t.same(failed(balancer), [1, 1])
})

test('a backend that speaks broken HTTP: 502', async (t) => {
  for (const [name, bytes] of Object.entries(BROKEN)) {
    t.comment(name)
    const balancer = await startBalancer(t, [await scripted(t, answering(bytes))])
    const client = await RawClient.open(t, balancer.port)
    client.send(GET)
    checkFailure(t, await client.response(), 502, 'LB_BAD_RESPONSE')
    t.same(failed(balancer), [1, 1])
    client.send('GET /__lb/live HTTP/1.1\r\nHost: x\r\n\r\n')
    t.equal(statusOf(await client.response()), 200, 'the connection to the client goes on')
  }
})

const CUT = {
  'a body shorter than its length': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello',
  'no body despite a length': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n',
  'a chunked body without end': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  'a chunk cut short': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhello',
  'trailers cut short': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n',
  'a chunk that is none':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\nhello\r\n0\r\n\r\n'
}
for (const [how, close] of [
  ['closed', (socket) => socket.end()],
  ['reset', (socket) => socket.resetAndDestroy()]
] as [string, (socket: import('node:net').Socket) => void][]) {
  test(`a response that breaks after its head is cut off, never completed (${how})`, async (t) => {
    for (const [name, bytes] of Object.entries(CUT)) {
      const backend = await scripted(t, (_request, socket) => {
        socket.write(bytes)
        setTimeout(close, 30, socket)
      })
      const balancer = await startBalancer(t, [backend])
      const client = await RawClient.open(t, balancer.port)
      client.send(GET)
      await client.untilClosed()
      const text = client.received.toString('latin1')
      t.match(text, /^HTTP\/1\.1 200 OK\r\n/, name)
      t.notOk(text.endsWith('0\r\n\r\n'), 'not ended as a whole one')
      await t.rejects(client.response())
      t.same(failed(balancer), [0, 1])
    }
  })
}

for (const [LB_LANE, after] of [
  ['off', /^$/],
  ['auto', /^HTTP\/1\.1 400 [^\0]*}$/]
] as const) {
  test(`a broken request behind one that is being answered does not get into the answer (${LB_LANE})`, async (t) => {
    const half = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'
    const backend = await scripted(t, answering(half))
    const { port } = await startBalancer(t, [backend], { LB_LANE })
    const client = await RawClient.open(t, port)
    client.send(GET)
    await client.until((text) => text.endsWith('hello'))
    client.send('no request\r\n\r\n')
    for (const socket of backend.sockets) socket.write('there')
    t.equal((await client.response()).body.toString(), 'hellothere')
    await client.untilClosed()
    t.match(client.received.toString('latin1'), after)
  })
}

test('a backend that does not answer in time: 504', async (t) => {
  const backend = await scripted(t, () => {})
  const balancer = await startBalancer(t, [backend, await scripted(t, () => {})], {
    LB_RESPONSE_TIMEOUT: '0.2'
  })
  for (const request of [GET, POST]) {
    const start = performance.now()
    checkFailure(t, await exchange(t, balancer.port, request), 504, 'LB_RESPONSE_TIMEOUT')
    const took = performance.now() - start
    t.ok(took > 190 && took < 20_000, `after ${took} ms`)
  }
  const { requests, backends } = balancer.stats()
  t.equal(requests.failed, 2)
  t.equal(backends[0]!.failed + backends[1]!.failed, 2)
  t.equal(backends[0]!.retries + backends[1]!.retries, 0, 'it may be at work on it: nobody else gets it')
  await eventually(() => backend.sockets.size === 0, BEFORE_IDLE_MS)
})

test('a backend that does not accept connections in time: 504', async (t) => {
  const balancer = await startBalancer(t, [await fullBacklog(t)], { LB_CONNECTION_TIMEOUT: '0.2' })
  for (const request of [GET, POST]) {
    checkFailure(t, await exchange(t, balancer.port, request), 504, 'LB_CONNECT_TIMEOUT')
  }
  t.same(failed(balancer), [2, 2])
})

test('a backend that does not accept connections in time: another one answers', async (t) => {
  withoutChance(t)
  const backend = await scripted(t, answering(OK))
  const full = await fullBacklog(t)
  const balancer = await startBalancer(t, [full, backend], {
    LB_CONNECTION_TIMEOUT: '0.2'
  })
  for (const request of [GET, POST]) t.equal(statusOf(await exchange(t, balancer.port, request)), 200)
  t.equal(backend.requests.at(-1)!.body.toString(), 'hello')
})

test('a request that has no form for a backend: 400, and nobody is to blame', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend])
  checkFailure(
    t,
    await exchange(t, balancer.port, 'GET * HTTP/1.1\r\nHost: x\r\n\r\n'),
    400,
    'LB_BAD_REQUEST'
  )
  t.same(failed(balancer), [0, 0])
  t.equal(backend.requests.length, 0)
})

test('no backend is eligible: 503 with Retry-After', async (t) => {
  const balancer = await startBalancer(t, [await refusing(t)], {
    LB_NO_HEALTH_CHECK: 'false',
    LB_HEALTH_CHECK_PERIOD: '0.3'
  })
  const client = await RawClient.open(t, balancer.port)
  for (let i = 0; i < 2; i++) {
    client.send(GET)
    const response = await client.response()
    checkFailure(t, response, 503, 'LB_NO_BACKEND')
    t.same(fieldValues(response.fields, 'retry-after'), ['1'])
  }
  client.send(POST)
  t.equal(statusOf(await client.response()), 503)
  await client.untilClosed()
  t.match(balancer.stats().requests, { failed: 0, total: 3, rejected: { noBackend: 3 } })
})
