import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { BalancerCell } from '../../lib/pool/cells.js'
import { atEnd, type Balancer, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { lb } from '../support/child.js'
import { FrameClient, opening } from '../support/frame-client.js'
import { heldMemory } from '../support/garbage.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { data, type Fields, get, headers, request, reset, Setting } from '../support/http2-frames.js'
import { listen } from '../support/listen.js'
import { pour, stalled } from '../support/pour.js'
import { seededRandom } from '../support/random.js'
import { answering, OK, refusing, scripted, serving } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'

// Sessions

const H2C = { LB_H2C: 'true' }
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])

test('a session that asks nothing is closed, whatever else it says', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], {
    ...H2C,
    LB_KEEP_ALIVE_TIMEOUT: '1',
    LB_REQUEST_HEAD_TIMEOUT: '1'
  })
  const client = await Http2Client.open(t, port)
  t.equal((await client.get('/')).status, 200)
  const pings = setInterval(() => {
    if (!client.session.destroyed) client.session.ping(() => {})
  }, 50)
  atEnd(t, () => clearInterval(pings))
  const [code] = await once(client.session, 'goaway')
  t.equal(code, 0)
  await eventually(() => client.session.destroyed)

  const silent = await RawClient.open(t, port)
  silent.send(PREFACE)
  silent.send(SETTINGS)
  const half = await RawClient.open(t, port)
  half.send('PR')
  const plain = await RawClient.open(t, port)
  await Promise.all([silent.untilClosed(), half.untilClosed(), plain.untilClosed()])
})

test('a session carries as many requests as are allowed, and no more at once', async (t) => {
  const held: Socket[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/hold')) held.push(socket)
    else socket.write(OK)
  })
  const { port } = await startBalancer(t, [backend], {
    ...H2C,
    LB_HTTP2_MAX_STREAMS: '2',
    LB_MAX_REQUESTS_PER_SOCKET: '3'
  })
  const client = await Http2Client.open(t, port)
  t.equal(client.session.remoteSettings.maxConcurrentStreams, 2)
  const told = once(client.session, 'goaway')
  const answers = ['/hold', '/hold', '/3'].map((path) => client.get(path))
  await eventually(() => held.length === 2)
  for (const socket of held) socket.write(OK)
  t.same(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 200, 200]
  )
  await told
  await eventually(() => client.session.destroyed)
  t.equal((await (await Http2Client.open(t, port)).get('/')).status, 200)
})

test('the end of an empty body arrives, though it comes before there is a connection to a backend', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], H2C)
  const client = await FrameClient.open(t, port)
  client.send(headers(1, request('PUT', '/'), { open: true }), data(1, '', true))
  t.equal((await client.over(1)).status, 200)
  t.equal(backend.requests[0]!.framing, 'chunked')
})

test('a drain lets what is under way finish, and has clients go elsewhere', async (t) => {
  const held: Socket[] = []
  const backend = await scripted(t, (_request, socket) => void held.push(socket))
  const balancer = await startBalancer(t, [backend], { ...H2C, LB_DRAIN_TIMEOUT: '20' })
  const [busy, idle] = [await Http2Client.open(t, balancer.port), await Http2Client.open(t, balancer.port)]
  const answer = busy.get('/')
  await eventually(() => held.length === 1)
  const told = once(busy.session, 'goaway')
  const closed = balancer.fastify.close()
  await told
  await eventually(() => idle.session.destroyed)
  t.same(inFlight(balancer), [1, 1])
  held[0]!.write(OK)
  t.match(await answer, { status: 200, code: 0 })
  await closed
  t.ok(busy.session.destroyed)
})

test('what a drain has no time for is cut', async (t) => {
  const backend = await scripted(t, () => {})
  const env = { PORT: '0', LB_BACKENDS: backend.address, LB_NO_HEALTH_CHECK: 'true', LB_DRAIN_TIMEOUT: '0.3' }
  const child = lb(t, [], { ...H2C, ...env })
  const client = await Http2Client.open(t, await child.listening())
  const answer = client.get('/')
  await eventually(() => backend.requests.length === 1)
  child.kill('SIGTERM')
  t.match(await answer, { status: 0 })
  await child.untilEnded()
  t.equal(child.ended, 1)
  t.ok(child.log.some(({ msg }) => msg === 'Drain timeout: cutting 1 requests'))
})

test('a client that takes its time holds back its backend, and nobody else', async (t) => {
  const sockets: Socket[] = []
  const server = createServer((req, res) => {
    if (req.url !== '/bulk') {
      res.end('ok')
      return
    }
    sockets.push(res.socket!)
    pour(res, Buffer.alloc(50_000, 'x'), 1000, () => res.end())
  })
  const { port } = await startBalancer(t, [{ address: await listen(t, server) }], H2C)
  const client = await Http2Client.open(t, port)
  const slow = client.begin({ ':path': '/bulk' })
  await once(slow, 'response')
  await eventually(() => sockets.length === 1)
  // The kernel holds some, and the balancer two buffers at the most.
  t.ok((await stalled(sockets)) < 20_000_000)
  t.equal((await client.get('/other')).body, 'ok', 'the same session serves others')
  const { body, code } = await answerOn(slow, 20_000)
  t.same([body.length, code], [50_000_000, 0])
})

test('bodies that do not go on are refused in time', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], {
    ...H2C,
    LB_REQUEST_BODY_TIMEOUT: '0.4',
    LB_REQUEST_TIMEOUT: '1.2'
  })
  const client = await Http2Client.open(t, port)
  const stuck = client.begin({ ':method': 'POST', ':path': '/' }, true)
  stuck.write('a')
  t.match(await answerOn(stuck), { status: 408, body: /LB_BODY_TIMEOUT/ })
  const slow = client.begin({ ':method': 'POST', ':path': '/' }, true)
  const drip = setInterval(() => {
    if (!slow.closed) slow.write('a')
  }, 100)
  atEnd(t, () => clearInterval(drip))
  const beginMs = performance.now()
  t.match(await answerOn(slow), { status: 408 })
  t.ok(performance.now() - beginMs > 1000)
  t.equal((await client.get('/')).status, 200)
})

test('a client that takes no answer is cut off at the end of its time, whoever answered', async (t) => {
  const early = (socket: Socket) => socket.once('data', () => socket.write(OK))
  for (const backend of [await refusing(t), await serving(t, early)]) {
    const { port } = await startBalancer(t, [backend], { ...H2C, LB_REQUEST_TIMEOUT: '0.5' })
    const client = await FrameClient.open(t, port, { own: [[Setting.window, 0]] })
    client.send(headers(1, request('POST', '/'), { open: true }))
    const { status, bodyBytes, resetCode } = await client.over(1)
    t.ok(status === 502 || status === 200, `${status}`)
    t.equal(bodyBytes, 0)
    t.type(resetCode, 'number')
    t.notOk(client.isOver, 'its session goes on')
  }
})

// Clients that leave

const websocket = (path: string): Fields => [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  [':scheme', 'http'],
  [':authority', 'x'],
  [':path', path]
]

/** Frames of all kinds of requests on three streams, from an id on. */
const three = (id: number) =>
  Buffer.concat([
    headers(id, get('/get')),
    headers(id + 2, request('POST', '/post'), { open: true }),
    data(id + 2, 'hello'),
    headers(id + 4, websocket('/ws'), { open: true }),
    data(id + 4, 'hello'),
    data(id + 2, 'hello', true)
  ])

const PARTS = [
  'HTTP/1.1 103 Early\r\nLink: a\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
  '5\r\nhello\r\n',
  `2710\r\n${'x'.repeat(10_000)}\r\n`,
  '0\r\nTrailer: a\r\n\r\n'
]
const SWITCH = 'HTTP/1.1 101 Switch\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

/** A backend that answers in parts, as many as `count` says, each a moment after the one before. */
function inParts(t: Test, count: () => number) {
  return serving(t, (socket: Socket) => {
    socket.on('data', async (bytes) => {
      const isSwitched = bytes.includes('Upgrade: websocket')
      const parts = isSwitched ? [SWITCH, 'hello', 'hello'] : PARTS
      for (const part of parts.slice(0, count())) {
        if (socket.writable) socket.write(part)
        await sleep(1)
      }
    })
  })
}

async function checkFreed(t: Test, balancer: Balancer, name: string): Promise<void> {
  const { registry, connections, log } = balancer
  const left = () => [...inFlight(balancer), connections.size, registry.counters.sum(BalancerCell.tunnels)]
  await eventually(() => left().every((count) => count === 0)).catch(() => {})
  t.same(left(), [0, 0, 0, 0], `${name}: every slot is free`)
  const { requests, backends } = balancer.stats()
  t.same([requests.failed, backends[0]!.failed], [0, 0], 'nobody is blamed')
  t.notOk(log.some(({ level }) => level >= 40))
}

const LEAVINGS: Readonly<Record<string, (session: FrameClient) => void>> = {
  FIN: ({ socket }) => void socket.end(),
  RST: (session) => session.leave()
}

for (const [how, leave] of Object.entries(LEAVINGS)) {
  test(`a client leaves at any byte of its streams, by ${how}`, async (t) => {
    const balancer = await startBalancer(t, [await inParts(t, () => 3)], H2C)
    const bytes = Buffer.concat([opening(), three(1)])
    for (let from = 0; from < bytes.length; from += 100) {
      const offsets = Array.from({ length: Math.min(100, bytes.length - from) }, (_, i) => from + i)
      const sessions = await Promise.all(
        offsets.map((offset) => FrameClient.connect(balancer.port, { opening: bytes.subarray(0, offset) }))
      )
      for (const session of sessions) leave(session)
      await checkFreed(t, balancer, `${from} and on`)
    }
  })
}

test('ten thousand streams of clients that leave leave nothing behind', async (t) => {
  const random = seededRandom(7)
  const below = (bound: number) => Math.floor(random() * bound)
  const balancer = await startBalancer(t, [await inParts(t, () => below(PARTS.length + 1))], H2C)
  const crowd = async (streams: number) => {
    for (let left = streams; left > 0; left -= 3 * 30 * 4) {
      const sessions = await Promise.all(Array.from({ length: 4 }, () => FrameClient.connect(balancer.port)))
      for (const session of sessions) {
        session.send(...Array.from({ length: 30 }, (_, i) => three(1 + 6 * i)))
        if (below(2) === 0) await sleep(below(10))
        // Some of its streams first, some of them answered by then.
        for (let i = below(60); i > 0; i--) session.send(reset(1 + 2 * below(90)))
        if (below(2) === 0) await sleep(below(5))
        if (below(2) === 0) session.leave()
        else session.socket.end()
      }
    }
    await checkFreed(t, balancer, `${streams} streams`)
    return heldMemory()
  }
  const before = await crowd(5000)
  const after = await crowd(10_000)
  t.ok(after.heap < before.heap + 5_000_000, `heap: ${before.heap}, then ${after.heap} bytes`)
  t.ok(after.buffers < before.buffers + 5_000_000, `buffers: ${before.buffers}, then ${after.buffers} bytes`)
  t.ok(balancer.stats().requests.total > 5000)
})
