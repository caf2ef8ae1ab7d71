import { once } from 'node:events'
import { request } from 'node:http'
import type { ServiceError } from '@grpc/grpc-js'
import { eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { framed, onRequest } from '../support/frame-backend.js'
import { ALL_WELL, framedMessages, GrpcClient, grpcServer, NOT_FOUND } from '../support/grpc.js'
import { answering, http2Backend } from '../support/http2-backend.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { Type } from '../support/http2-frames.js'
import { exchange } from '../support/raw-client.js'
import { startSecureBalancer } from '../support/secure-balancer.js'
import { fieldValue, statusOf } from '../support/wire.js'

const H2C = { LB_H2C: 'true' }
const CANCELLED = 1
const UNIMPLEMENTED = '12'

test('calls of gRPC of all four kinds pass by HTTP/2 on both sides', async (t) => {
  const balancer = await startBalancer(t, [await grpcServer(t), await grpcServer(t)], H2C)
  const client = new GrpcClient(t, balancer.port)
  t.same(await client.all(), ALL_WELL)
  const calls = Array.from({ length: 200 }, (_, i) => client.unary(`${i}`))
  t.ok((await Promise.all(calls)).every(({ message }, i) => message === `${i}`))
  const { backends, requests } = balancer.stats()
  t.ok(backends.every(({ total }) => total > 50))
  t.equal(requests.failed, 0)
})

test('an error without a message is the head alone, as it was', async (t) => {
  const { port } = await startBalancer(t, [await grpcServer(t)], H2C)
  const client = await Http2Client.open(t, port)
  const fields = { ':method': 'POST', ':path': '/test.Echo/Missing', 'content-type': 'application/grpc' }
  const stream = client.begin({ ...fields, te: 'trailers' }, true)
  stream.end(Buffer.alloc(5))
  const flags = once(stream, 'response').then(([, flags]) => flags)
  t.match(await answerOn(stream), { headers: { 'grpc-status': UNIMPLEMENTED }, trailers: {} })
  t.equal(((await flags) as number) & 1, 1)
})

test('a stream that goes both ways goes on for as long as both want, and no longer', async (t) => {
  const balancer = await startBalancer(t, [await grpcServer(t)], H2C)
  const client = new GrpcClient(t, balancer.port)
  const chat = client.chat()
  for (let i = 0; i < 100; i++) {
    chat.write(Buffer.from(`${i}`))
    const [answer] = await once(chat, 'data')
    if (`${answer}` !== `${i}!`) t.fail(`${answer}`)
  }
  t.same(inFlight(balancer), [1, 1])
  const status = new Promise<number>((resolve) => chat.on('status', ({ code }) => resolve(code)))
  chat.on('error', () => {}).cancel()
  t.equal(await status, CANCELLED)
  await eventually(() => inFlight(balancer).every((count) => count === 0))
  t.equal(balancer.stats().backends[0]!.failed, 0)
})

test('messages that are read slowly hold back who sends them', async (t) => {
  const balancer = await startBalancer(t, [await grpcServer(t)], H2C)
  const client = new GrpcClient(t, balancer.port)
  const numbers: string[] = []
  for await (const number of client.count(20_000)) {
    numbers.push(`${number}`)
    if (numbers.length % 2000 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  t.equal(numbers.length, 20_000)
  t.ok(numbers.every((number, i) => number === `${i + 1}`))
})

test('over TLS, too', async (t) => {
  const by = authority(t)
  if (!by) return
  const { port } = await startSecureBalancer(t, by, [await grpcServer(t)])
  const client = await Http2Client.open(t, port)
  const fields = { ':method': 'POST', ':path': '/test.Echo/Unary', 'content-type': 'application/grpc' }
  const stream = client.begin({ ...fields, te: 'trailers' }, true)
  stream.end(Buffer.from([0, 0, 0, 0, 2, 104, 105]))
  t.match(await answerOn(stream), { body: '\0\0\0\0\x02hi', trailers: { 'grpc-status': '0' } })
})

/** A call in HTTP/1.1, which has trailers too. */
async function callByHttp1(port: number, method: string, ...messages: string[]) {
  const headers = { 'Content-Type': 'application/grpc', TE: 'trailers', 'Transfer-Encoding': 'chunked' }
  const req = request({ host: '127.0.0.1', port, method: 'POST', path: `/test.Echo/${method}`, headers })
  for (const message of messages) req.write(framedMessages(message))
  req.end()
  const [res] = await once(req, 'response')
  const parts: Buffer[] = []
  for await (const part of res) parts.push(part)
  const status = res.trailers['grpc-status'] ?? res.headers['grpc-status']
  return { http: res.statusCode, status: Number(status), body: Buffer.concat(parts) }
}

test('the server and the client of the tests understand each other', async (t) => {
  const { port } = await grpcServer(t)
  t.same(await new GrpcClient(t, port).all(), ALL_WELL)
})

test('calls of gRPC pass to a backend of HTTP/2, with messages, trailers and errors', async (t) => {
  const { port } = await startBalancer(t, [await grpcServer(t)])
  const numbers = Array.from({ length: 50 }, (_, i) => `${i + 1}`)
  for (const [method, messages, status, answers] of [
    ['Unary', ['hello'], 0, ['hello']],
    ['Unary', ['unknown'], NOT_FOUND, []],
    ['Gather', ['a', 'b', 'c'], 0, ['abc']],
    ['Count', ['50'], 0, numbers],
    ['Chat', ['one', 'two'], 0, ['one!', 'two!']],
    ['Missing', ['x'], 12, []]
  ] as const) {
    const wanted = { http: 200, status, body: framedMessages(...answers) }
    t.same(await callByHttp1(port, method, ...messages), wanted, method)
  }
})

test('a server of gRPC that shuts down in good order costs no call', async (t) => {
  const servers = [await grpcServer(t), await grpcServer(t)]
  const balancer = await startBalancer(t, servers)
  let count = 0
  let isOver = false
  const work = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const { http, status } = await callByHttp1(balancer.port, 'Unary', 'hello')
      count++
      if (http !== 200 || status !== 0) t.fail(`${http} ${status}`)
    }
  })
  const until = async (calls: number) => {
    while (count < calls) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await until(100)
  const shut = servers[0]!.shutDown()
  await until(count + 200)
  isOver = true
  await Promise.all(work)
  await shut
  t.equal(balancer.stats().requests.failed, 0)
})

const DEADLINE_EXCEEDED = '4'
const CANCEL = 8
const REFUSED_STREAM = 7
const EMPTY = Buffer.alloc(5)

const call = (timeout?: string, more: Record<string, string> = {}) => ({
  ':method': 'POST',
  ':path': '/test.Echo/Unary',
  'content-type': 'application/grpc',
  ...(timeout === undefined ? {} : { 'grpc-timeout': timeout }),
  ...more
})

const RAN_OUT = {
  status: 200,
  headers: { 'grpc-status': DEADLINE_EXCEEDED, 'grpc-message': 'The time that the client gave ran out' },
  body: ''
}

test('a call whose time runs out before an answer is told so, and taken from the backend', async (t) => {
  const backend = await framed(t, () => {})
  const address = `${backend.address};h2`
  const balancer = await startBalancer(t, [{ address }], { ...H2C, LB_RETRIES: '3' })
  const client = await Http2Client.open(t, balancer.port)
  const began = performance.now()
  t.match(await client.ask(call('100m'), EMPTY), RAN_OUT)
  t.ok(performance.now() - began > 95)
  const [peer] = backend.peers
  await eventually(() => peer!.frames.some(({ type }) => type === Type.reset))
  const [reset] = peer!.frames.filter(({ type }) => type === Type.reset)
  t.equal(reset!.payload.readUInt32BE(0), CANCEL)
  t.equal(peer!.requests.length, 1, 'it was not tried again')
  t.equal(balancer.stats().backends[0]!.failed, 0, 'the backend is not to blame')
  t.match(await client.ask(call('0m'), EMPTY), RAN_OUT)
  t.match(await client.ask(call('1n'), EMPTY), RAN_OUT)
  // Amid its messages, too.
  const stream = client.begin(call('50000u'), true)
  stream.write(EMPTY)
  t.match(await answerOn(stream), RAN_OUT)
})

test('a call whose time runs out while a connection is being made is not sent on it', async (t) => {
  const backend = await framed(
    t,
    onRequest((id, peer) => peer.answer(id)),
    ({ socket }) => socket.pause()
  )
  const balancer = await startBalancer(t, [{ address: `${backend.address};h2` }], H2C)
  const client = await Http2Client.open(t, balancer.port)
  // Amid its messages the stream goes on for a moment after the answer.
  const late = client.begin(call('20m'), true)
  late.write(EMPTY)
  const other = client.ask(call(), EMPTY)
  const [head] = (await once(late, 'response')) as [Record<string, string>]
  t.equal(head['grpc-status'], DEADLINE_EXCEEDED)
  await eventually(() => backend.peers.length > 0)
  for (const peer of backend.peers) {
    peer.settings()
    peer.socket.resume()
  }
  t.match(await other, { status: 200, body: 'ok' })
  t.equal(backend.peers.flatMap(({ requests }) => requests).length, 1)
  t.equal(balancer.stats().backends[0]!.failed, 0)
})

test('a call by HTTP/1.1 is answered so, too', async (t) => {
  const { port } = await startBalancer(t, [await http2Backend(t, () => {})])
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\ngrpc-timeout: 50m\r\n'
  const response = await exchange(t, port, `${head}Content-Length: 0\r\n\r\n`)
  t.equal(statusOf(response), 200)
  t.equal(fieldValue(response.fields, 'grpc-status'), DEADLINE_EXCEEDED)
})

test('many calls are each answered at their own time, and none before', async (t) => {
  const { port } = await startBalancer(t, [await http2Backend(t, () => {})], H2C)
  const client = await Http2Client.open(t, port)
  const began = performance.now()
  await Promise.all(
    [300, 50, 200, 100, 250, 150].map(async (ms) => {
      t.match(await client.ask(call(`${ms}m`), EMPTY), RAN_OUT)
      t.ok(performance.now() - began > ms - 5, `${ms} ms`)
    })
  )
})

test('the time bounds what a call waits for in the balancer', async (t) => {
  const busy = await http2Backend(t, () => {})
  const full = await startBalancer(t, [{ address: `${busy.address};max=1` }], {
    ...H2C,
    LB_QUEUE_TIMEOUT: '60'
  })
  const client = await Http2Client.open(t, full.port)
  const held = client.begin(call(), true)
  await eventually(() => inFlight(full)[1] === 1)
  t.match(await client.ask(call('100m'), EMPTY), RAN_OUT)
  t.equal(full.stats().requests.queued, 0)
  held.close()

  const gone = { ...H2C, LB_OUTAGE_TIMEOUT: '60', LB_NO_HEALTH_CHECK: 'true' }
  const none = await startBalancer(t, '127.0.0.1:1;h2', gone)
  const waiting = await Http2Client.open(t, none.port)
  t.match(await waiting.ask(call('100m'), EMPTY), RAN_OUT)
  t.equal(none.stats().requests.queued, 0)
})

test('the time bounds how often a call is tried again that a backend does not look at', async (t) => {
  const backend = await framed(
    t,
    onRequest((id, peer) => peer.reset(id, REFUSED_STREAM))
  )
  const balancer = await startBalancer(t, [{ address: `${backend.address};h2` }], H2C)
  const client = await Http2Client.open(t, balancer.port)
  t.match(await client.ask(call('200m'), EMPTY), RAN_OUT)
  const received = () => backend.peers.flatMap(({ requests }) => requests).length
  const before = received()
  t.ok(before > 1)
  await sleep(500)
  t.equal(received(), before)
})

test('the time can be shorter than that for any response, and not longer', async (t) => {
  const env = { ...H2C, LB_RESPONSE_TIMEOUT: '0.2' }
  const balancer = await startBalancer(t, [await http2Backend(t, () => {})], env)
  const client = await Http2Client.open(t, balancer.port)
  const { headers } = await client.ask(call('1H'), EMPTY)
  t.match(headers, { 'grpc-status': '4', 'grpc-message': 'The backend did not answer in time' })
})

test('a response that has begun in time goes on, however long it takes', async (t) => {
  const { port } = await startBalancer(t, [await grpcServer(t)], H2C)
  const client = await Http2Client.open(t, port)
  const stream = client.begin(call('5S', { ':path': '/test.Echo/Chat' }), true)
  stream.write(Buffer.from([0, 0, 0, 0, 1, 97]))
  await once(stream, 'response')
  stream.end()
  t.match(await answerOn(stream), { trailers: { 'grpc-status': '0' } })

  const slow = await http2Backend(t, ({ stream }) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.write(EMPTY)
    setTimeout(() => stream.end(EMPTY), 1200)
  })
  const other = await startBalancer(t, [slow], H2C)
  const listening = await Http2Client.open(t, other.port)
  const answer = await listening.ask(call('1S'), EMPTY)
  t.match(answer, { body: '\0'.repeat(10), trailers: { 'grpc-status': '0' }, code: 0 })
})

test('a time that is malformed is for the server to judge, and so is one of what is no call', async (t) => {
  const seen: unknown[] = []
  const backend = await http2Backend(t, (asked) => {
    seen.push(asked.headers['grpc-timeout'])
    setTimeout(() => answering()(asked), 100)
  })
  const { port } = await startBalancer(t, [backend], H2C)
  const client = await Http2Client.open(t, port)
  for (const timeout of ['1', '123456789n', '1x', '-1m'])
    t.match(await client.ask(call(timeout), EMPTY), { status: 200, body: 'ok' }, timeout)
  t.match(await client.ask(call('1m', { 'content-type': 'text/plain' }), EMPTY), { body: 'ok' })
  t.same(seen, ['1', '123456789n', '1x', '-1m', '1m'])
})

test('the real server sees the time as the client gave it', async (t) => {
  const { port } = await startBalancer(t, [await grpcServer(t)], H2C)
  const client = new GrpcClient(t, port)
  t.equal((await client.unary('hello', '', '10S')).message, 'hello')
  const error = (await client.unary('hello', '', 'soon').catch((error) => error)) as ServiceError
  t.equal(error.code, 13)
  t.match(error.details, /Invalid grpc-timeout/)
})

test('calls that end in time leave nothing behind', async (t) => {
  const backend = await framed(
    t,
    onRequest((id, peer) => peer.answer(id))
  )
  const balancer = await startBalancer(t, [{ address: `${backend.address};h2` }], H2C)
  const client = await Http2Client.open(t, balancer.port)
  const answers = await Promise.all(Array.from({ length: 50 }, () => client.ask(call('30S'), EMPTY)))
  t.ok(answers.every(({ body }) => body === 'ok'))
  const stream = client.begin(call('99999999H'), true)
  stream.close()
  await eventually(() => inFlight(balancer).every((count) => count === 0))
})
