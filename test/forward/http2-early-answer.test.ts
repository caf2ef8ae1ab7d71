import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { type Balancer, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { framed, onRequest } from '../support/frame-backend.js'
import { FrameClient } from '../support/frame-client.js'
import { data, type Fields, get, headers, request, reset, Setting, window } from '../support/http2-frames.js'
import { serving } from '../support/raw-backend.js'
import { forHttp2 } from '../support/secure-ports.js'

const H2C = forHttp2()
const BYTES = 200_000
const WINDOW = 10_000
const PATIENCE_MS = 10_000
const body = Buffer.alloc(BYTES, 'a')
const upload = (path = '/', ...more: Fields) => headers(1, request('POST', path, ...more), { open: true })

/** A backend that answers the head of an upload, and never reads the rest. */
const answering = (t: Test, ...parts: (string | Buffer)[]) =>
  serving(t, (socket: Socket) => {
    socket.once('data', () => {
      socket.pause()
      socket.write(Buffer.concat(parts.map((part) => Buffer.from(part as string))))
    })
  })

const CHUNKS = ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', `${BYTES.toString(16)}\r\n`, body]
const BACKENDS: Readonly<Record<string, (t: Test) => Promise<string>>> = {
  'a length': async (t) =>
    (await answering(t, `HTTP/1.1 200 OK\r\nContent-Length: ${BYTES}\r\n\r\n`, body)).address,
  chunks: async (t) => (await answering(t, ...CHUNKS, '\r\n0\r\n\r\n')).address,
  trailers: async (t) => (await answering(t, ...CHUNKS, '\r\n0\r\na: b\r\n\r\n')).address,
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
  const backend = await answering(t, 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno')
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
  const backend = await answering(t, CHUNKS[0]!, chunk)
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
  const backend = await answering(t)
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
  const { port } = await startBalancer(t, [await answering(t)], H2C)
  const session = await FrameClient.open(t, port)
  session.send(upload('/__lb/stats', ['content-length', '100000']), data(1, 'begun'))
  const stream = await session.over(1)
  t.same([stream.status, stream.ended, stream.resetCode], [404, true, undefined])
  await eventually(() => stream.resetCode === 0)
})
