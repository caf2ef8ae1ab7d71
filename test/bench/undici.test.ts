import diagnostics from 'node:diagnostics_channel'

import '../../bench/undici/preload'
import { atEnd, eventually, inFlight, startBalancer, test } from '../helper.js'
import { pattern } from '../support/answer.js'
import { pour, stalled } from '../support/pour.js'
import { answering, OK, refusing, scripted, serving } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { echo, openTunnel, switching, tunnels } from '../support/tunnel.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET /a?b HTTP/1.1\r\nHost: x\r\nX-Kept: Y\r\n\r\n'

let heads = 0
diagnostics.subscribe('undici:client:sendHeaders', () => heads++)

test('requests go to backends by connections of undici, one after another on the same', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const before = heads
  for (let i = 0; i < 3; i++) {
    const response = await exchange(t, port, GET)
    t.equal(statusOf(response), 200)
    t.equal(response.body.toString(), 'ok')
  }
  t.equal(heads - before, 3, 'undici has sent them')
  t.equal(backend.connections, 1)
  const [{ startLine, fields }] = backend.requests as [(typeof backend.requests)[0]]
  t.equal(startLine, 'GET /a?b HTTP/1.1')
  t.match(fields, [
    ['host', 'x'],
    ['connection', 'keep-alive'],
    ['X-Kept', 'Y']
  ])
})

test('an upload passes, in chunks or of a length', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const body = pattern('upload', 300_000)
  const head = 'POST / HTTP/1.1\r\nHost: x\r\n'
  const client = await RawClient.open(t, port)
  client.send(`${head}Content-Length: ${body.length}\r\n\r\n`)
  client.send(body)
  t.equal(statusOf(await client.response()), 200)
  client.send(`${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`)
  client.send(body)
  client.send('\r\n0\r\n\r\n')
  t.equal(statusOf(await client.response()), 200)
  t.ok(backend.requests.every((request) => request.body.equals(body)))
})

test('a slow client slows the backend down', async (t) => {
  const chunk = Buffer.alloc(50_000, 'x')
  const backend = await serving(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
      pour(socket, chunk, 2000)
    })
  })
  const { port, connections } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  client.socket.pause()
  client.send(GET)
  await eventually(() => backend.sockets.size === 1)
  await stalled([...backend.sockets])
  const [held] = [...connections].map(({ writableLength }) => writableLength)
  t.ok(held! < 1_000_000, `${held} bytes are held`)
  const [socket] = backend.sockets
  client.abort()
  await eventually(() => socket!.destroyed)
})

test('a client that leaves has its request given up at the backend', async (t) => {
  const backend = await scripted(t, () => {})
  const balancer = await startBalancer(t, [backend])
  const client = await RawClient.open(t, balancer.port)
  client.send(GET)
  await eventually(() => backend.requests.length === 1)
  t.same(inFlight(balancer), [1, 1])
  const [socket] = backend.sockets
  client.abort()
  // undici opens another connection at once, for nothing.
  await eventually(() => socket!.destroyed)
})

test('a backend that refuses is passed over, and one that is silent is timed out', async (t) => {
  const silent = await scripted(t, () => {})
  const refused = await startBalancer(t, [await refusing(t), await scripted(t, answering(OK))])
  for (let i = 0; i < 4; i++) t.equal(statusOf(await exchange(t, refused.port, GET)), 200)
  const { port } = await startBalancer(t, [silent], { LB_RESPONSE_TIMEOUT: '0.2', LB_RETRIES: '0' })
  t.equal(statusOf(await exchange(t, port, GET)), 504)
})

test('a tunnel is bytes both ways, and ends with either side', async (t) => {
  const balancer = await startBalancer(t, [await switching(t, echo)])
  const client = await openTunnel(t, balancer)
  client.send('hello')
  await client.until((text) => text === 'hello')
  t.equal(tunnels(balancer), 1)
  client.socket.end()
  await eventually(() => tunnels(balancer) === 0)
  atEnd(t, () => client.abort())
})
