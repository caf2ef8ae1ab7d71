import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse
} from 'node:http'
import { connect as connectPlain, type Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, inFlight, startBalancer, test, withoutChance } from '../helper.js'
import { pattern } from '../support/answer.js'
import { authority } from '../support/certificates.js'
import { type FrameBackend, framed } from '../support/frame-backend.js'
import { buffersSince, heldMemory } from '../support/garbage.js'
import { answering as answeringHttp2, bodyOf, http2Backend } from '../support/http2-backend.js'
import { listen } from '../support/listen.js'
import { pour, stalled } from '../support/pour.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { startSecureBalancer } from '../support/secure-balancer.js'
import { acting, answeredOf } from '../support/whole-requests.js'
import { statusOf } from '../support/wire.js'

// Slow reader

/** Of no size that memory comes in, so that what is out of order shows. */
const PIECE = pattern('slow', 49_999)
const PIECES = 1000
const SIZE = PIECE.length * PIECES
/** The kernel holds some on each of the two connections, at each end. */
const KERNEL_LIMIT = 30_000_000
const HELD_LIMIT = 1_000_000
/** What was read of one side, and waits on the connection of the other; and what frames it. */
const WAITING_LIMIT = 65_536 + 100
/** These pass Node's server, which reads ahead. */
const READ_AHEAD = ['an upload in chunks', 'a tunnel to the client', 'a tunnel to the backend']

/** Both ends of what is sent through the balancer, of which one writes and the other does not read yet. */
interface Transfer {
  readonly writer: Writable
  /** Of who writes. */
  readonly socket: Socket
  readonly reader: Readable
  /** With which an upload is answered. */
  readonly status?: Promise<number>
}

type Begin = (server: Server, ask: (options: object) => ClientRequest) => Promise<Transfer>

const download =
  (begin: (res: ServerResponse) => void): Begin =>
  async (server, ask) => {
    const asked = once(server, 'request')
    const req = ask({}).end()
    const responded = once(req, 'response')
    const [, res] = (await asked) as [IncomingMessage, ServerResponse]
    begin(res)
    res.flushHeaders()
    const [reader] = (await responded) as [IncomingMessage]
    return { writer: res, socket: res.socket!, reader }
  }

const upload =
  (headers: Record<string, string | number>): Begin =>
  async (server, ask) => {
    const asked = once(server, 'request')
    const writer = ask({ method: 'POST', headers })
    writer.flushHeaders()
    const [reader, res] = (await asked) as [IncomingMessage, ServerResponse]
    reader.once('end', () => res.end())
    const status = once(writer, 'response').then(([response]) => response.resume().statusCode)
    return { writer, socket: writer.socket!, reader, status }
  }

const tunnel =
  (isUp: boolean): Begin =>
  async (server, ask) => {
    const asked = once(server, 'upgrade')
    const req = ask({ headers: { Connection: 'Upgrade', Upgrade: 'bulk' } }).end()
    const switched = once(req, 'upgrade')
    const [, backend] = (await asked) as [IncomingMessage, Socket]
    backend.write('HTTP/1.1 101 Switch\r\nConnection: Upgrade\r\nUpgrade: bulk\r\n\r\n')
    const [, client] = (await switched) as [IncomingMessage, Socket]
    return isUp
      ? { writer: client, socket: client, reader: backend }
      : { writer: backend, socket: backend, reader: client }
  }

const TRANSFERS: Record<string, Begin> = {
  'a response of a length': download((res) => res.setHeader('Content-Length', SIZE)),
  'a response in chunks': download(() => {}),
  'a response that ends with its connection': download((res) => {
    res.useChunkedEncodingByDefault = false
    res.setHeader('Connection', 'close')
  }),
  'an upload of a length': upload({ 'Content-Length': SIZE }),
  'an upload in chunks': upload({ 'Transfer-Encoding': 'chunked' }),
  'a tunnel to the client': tunnel(false),
  'a tunnel to the backend': tunnel(true)
}

const WHOLE = (() => {
  const hash = createHash('sha1')
  for (let i = 0; i < PIECES; i++) hash.update(PIECE)
  return hash.digest('hex')
})()

for (const [what, begin] of Object.entries(TRANSFERS)) {
  test(`of ${what} that nobody reads little is held, and nothing is lost`, async (t) => {
    const server = createServer()
    const balancer = await startBalancer(t, [{ address: await listen(t, server) }])
    const clients: Socket[] = []
    const toBackend: Socket[] = []
    const onOpened = (message: unknown) => toBackend.push((message as { socket: Socket }).socket)
    subscribe('net.client.socket', onOpened)
    atEnd(t, () => unsubscribe('net.client.socket', onOpened))
    balancer.fastify.server.on('connection', (socket: Socket) => clients.push(socket))
    const ask = (options: object) => {
      const req = request({ host: '127.0.0.1', port: balancer.port, agent: false, ...options })
      atEnd(t, () => req.destroy())
      return req.on('error', () => {})
    }
    const before = await heldMemory()
    const { writer, socket, reader, status } = await begin(server, ask)
    // A tunnel of which one end has finished stands until the other end closes it: not all versions of Node do so here.
    atEnd(t, () => reader.destroy())
    pour(writer, PIECE, PIECES, () => writer.end())
    const taken = await stalled([socket])
    t.ok(taken < KERNEL_LIMIT, `${taken} bytes were taken`)
    const own = toBackend.filter(({ remotePort }) => remotePort !== balancer.port)
    const held = [...clients, ...own].reduce(
      (sum, { writableLength, readableLength }) => sum + writableLength + readableLength,
      0
    )
    const limit = READ_AHEAD.includes(what) ? HELD_LIMIT : WAITING_LIMIT
    t.ok(held > 0 && held <= limit, `${held} bytes wait on the two connections`)
    const inAll = await buffersSince(before, HELD_LIMIT)
    t.ok(inAll < HELD_LIMIT, `${inAll} bytes are held in all`)
    t.same(inFlight(balancer), [1, 1])
    const hash = createHash('sha1')
    let size = 0
    for await (const chunk of reader as AsyncIterable<Buffer>) {
      size += chunk.length
      hash.update(chunk)
    }
    t.equal(size, SIZE)
    t.equal(hash.digest('hex'), WHOLE, 'all of it arrives, byte for byte')
    if (status) t.equal(await status, 200)
  })
}

// Reset clients

const CHANGE =
  'POST /changes HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.5\r\nContent-Length: 0\r\n\r\n'
const SEND_AND_RESET = `
  const [port] = process.argv.slice(1)
  for (let i = 0; i < 10; i++) {
    const socket = require('node:net').connect(port, '127.0.0.1', () => {
      socket.write(${JSON.stringify(CHANGE)}, () => socket.resetAndDestroy())
    })
  }`

async function refusesNow(t: Test, { port }: Balancer): Promise<void> {
  t.equal(statusOf(await exchange(t, port, CHANGE)), 403)
}

for (const [whom, env] of [
  ['a denied client', { LB_DENY: '127.0.0.1' }],
  ['a denied client of a proxy', { LB_DENY: '203.0.113.5', LB_TRUSTED_PROXIES: '127.0.0.1' }]
] as const) {
  test(`what ${whom} sent on a connection that it has reset before it is accepted reaches no backend`, async (t) => {
    const backend = await scripted(t, answering(OK))
    const balancer = await startBalancer(t, [backend], env)
    // Nothing is accepted meanwhile.
    execFileSync(process.execPath, ['-e', SEND_AND_RESET, String(balancer.port)])
    await refusesNow(t, balancer)
    t.same(backend.requests, [])
  })
}

test('over TLS, what a denied client sends just before a reset reaches no backend', async (t) => {
  const backend = await scripted(t, answering(OK))
  const by = authority(t)
  if (!by) return
  const balancer = await startSecureBalancer(t, by, [backend], { LB_DENY: '127.0.0.1' })
  for (let i = 0; i < 10; i++) {
    const raw = connectPlain(balancer.port, '127.0.0.1')
    const socket = connect({ socket: raw, ca: by.pem, servername: 'localhost' })
    atEnd(t, () => raw.destroy())
    for (const side of [raw, socket]) side.on('error', () => {})
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    await sleep(20)
    socket.write(CHANGE)
    raw.resetAndDestroy()
  }
  await refusesNow(t, balancer)
  t.same(backend.requests, [])
})

// Clients that are refused for ever

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'
const REFUSED_STREAM = 7
const MAX_STREAMS = 3
const NO_RETRIES = { LB_RETRIES: '0', LB_RETRY_BUDGET: '0' }

/** Backends that take nothing, however often they are asked. */
const REFUSALS: Readonly<Record<string, (t: Test) => Promise<FrameBackend>>> = {
  refusals: (t) => acting(t, (id, _nth, peer) => peer.reset(id, REFUSED_STREAM)),
  'GOAWAY of the first stream': (t) => acting(t, (_id, _nth, peer) => peer.goAway(0)),
  'GOAWAY before there are any': (t) =>
    framed(
      t,
      () => {},
      (peer) => {
        peer.settings()
        peer.goAway(0)
      }
    ),
  'no streams at all': (t) =>
    framed(
      t,
      () => {},
      (peer) => peer.settings([MAX_STREAMS, 0])
    ),
  'GOAWAY and the end of the connection': (t) =>
    acting(t, (_id, _nth, peer) => {
      peer.goAway(0)
      peer.socket.end()
    })
}

for (const [how, refusing] of Object.entries(REFUSALS)) {
  test(`a backend that refuses for ever, by ${how}, gets few connections, and its clients an answer`, async (t) => {
    const backend = await refusing(t)
    const made: number[] = []
    const balancer = await startBalancer(t, `${backend.address};h2`)
    let known = 0
    const watch = setInterval(() => {
      for (; known < backend.connections; known++) made.push(performance.now())
    }, 1)
    const clients = await Promise.all(Array.from({ length: 30 }, () => RawClient.open(t, balancer.port)))
    const startMs = performance.now()
    for (const [i, client] of clients.entries()) client.send(i % 2 ? GET : POST)
    await eventually(() => inFlight(balancer)[0] === 30)
    // Who leaves is not waited for.
    for (const client of clients.slice(0, 5)) client.socket.destroy()
    await eventually(() => inFlight(balancer)[0]! <= 25)
    for (const client of clients.slice(5)) t.equal(statusOf(await client.response()), 502)
    clearInterval(watch)
    const tookMs = performance.now() - startMs
    // The limit is 2 s; the rest is for a busy machine.
    t.ok(tookMs < 20_000, `after ${tookMs} ms`)
    const most = Math.max(
      ...made.map((ms) => made.filter((other) => other >= ms && other < ms + 1000).length)
    )
    t.ok(most <= 20, `${most} connections in a second`)
    t.ok(backend.connections > 2, 'it is asked again')
    t.match(balancer.stats().requests, { queued: 0, retrying: 0, failed: 25 })
  })
}

test('another backend is asked at once, and the one that refuses is ejected', async (t) => {
  withoutChance(t)
  const sick = await acting(t, (_id, _nth, peer) => peer.goAway(0))
  const well = await http2Backend(t, async (asked) => answeringHttp2(await bodyOf(asked))(asked))
  const balancer = await startBalancer(t, [{ address: `${sick.address};h2` }, well], NO_RETRIES)
  const startMs = performance.now()
  t.equal(statusOf(await exchange(t, balancer.port, POST)), 200)
  t.ok(performance.now() - startMs < 500)
  let isOver = false
  const load = (async () => {
    let right = 0
    let all = 0
    while (!isOver) {
      right += await answeredOf(t, balancer, 10, 5, POST)
      all += 50
    }
    t.equal(right, all)
  })()
  await eventually(() => balancer.stats().backends[0]!.state === 'ejected', 10_000)
  isOver = true
  await load
  t.ok(sick.connections < 40, `${sick.connections} connections`)
  t.equal(balancer.stats().requests.failed, 0)
})
