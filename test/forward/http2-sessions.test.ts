import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { atEnd, eventually, inFlight, startBalancer, test } from '../helper.js'
import { lb } from '../support/child.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { listen } from '../support/listen.js'
import { pour, stalled } from '../support/pour.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'

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
  await eventually(() => client.session.destroyed, 4000)

  const silent = await RawClient.open(t, port)
  silent.send(PREFACE)
  silent.send(SETTINGS)
  const half = await RawClient.open(t, port)
  half.send('PR')
  const plain = await RawClient.open(t, port)
  await Promise.all([silent.untilClosed(5000), half.untilClosed(5000), plain.untilClosed(5000)])
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

test('a drain lets what is under way finish, and has clients go elsewhere', async (t) => {
  const held: Socket[] = []
  const backend = await scripted(t, (_request, socket) => void held.push(socket))
  const balancer = await startBalancer(t, [backend], { ...H2C, LB_DRAIN_TIMEOUT: '5' })
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
