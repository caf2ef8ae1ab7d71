import { type Balancer, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { FrameClient } from '../support/frame-client.js'
import {
  block,
  Code,
  data,
  Flag,
  frame,
  get,
  goaway,
  headers,
  ping,
  Type,
  window
} from '../support/http2-frames.js'
import { OK, scripted } from '../support/raw-backend.js'
import { forHttp2 } from '../support/secure-ports.js'

const H2C = forHttp2()
/** Sweeps are a second apart, and a client is given two to close its side. */
const PATIENCE_MS = 12_000

/** Errors of the connection. */
const BREAKING: Readonly<Record<string, Buffer>> = {
  'DATA on no stream': data(0, 'more'),
  'DATA on a stream that never was': data(99, 'more'),
  'SETTINGS of a wrong size': frame(Type.settings, 0, 0, 'abcde'),
  'a PING of a wrong size': frame(Type.ping, 0, 0, 'abc'),
  'a frame larger than agreed': frame(Type.data, 0, 1, Buffer.alloc(20_000)),
  'CONTINUATION of nothing': frame(Type.continuation, 4, 3, 'x'),
  'a head that another frame comes into': Buffer.concat([frame(Type.headers, 1, 3, '\x82'), ping()]),
  'padding longer than its frame': frame(Type.headers, 0xd, 3, '\xff\x01\x02'),
  'fields that cannot be read': frame(Type.headers, 5, 3, '\xff\xff\xff\xff\x0f'),
  'a window that is opened by nothing': window(0, 0),
  'a PUSH_PROMISE': frame(Type.push, 4, 1, '\0\0\0\x02\x82'),
  'a stream that only a server may open': headers(2, get()),
  'no preface behind its beginning': Buffer.from('PRI GET / HTTP/1.1\r\n\r\n')
}

const freed = (balancer: Balancer) =>
  eventually(() => inFlight(balancer).every((count) => count === 0), PATIENCE_MS)
const closed = (balancer: Balancer) => eventually(() => balancer.connections.size === 0, PATIENCE_MS)

test('a client that breaks the protocol loses its streams and its connection, though it stays', async (t) => {
  const backend = await scripted(t, () => {})
  const balancer = await startBalancer(t, [backend], H2C)
  const cases = Object.entries(BREAKING)
  const sessions = await Promise.all(
    cases.map(async ([name, breaking]) => {
      const isPreface = name.startsWith('no preface')
      const session = await FrameClient.open(t, balancer.port, isPreface ? { opening: breaking } : {})
      session.socket.allowHalfOpen = true
      if (!isPreface) session.send(headers(1, get('/held')))
      return [session, breaking] as const
    })
  )
  await eventually(() => inFlight(balancer)[0] === cases.length - 1)
  for (const [session, breaking] of sessions) session.send(breaking)
  await t.resolves(freed(balancer), 'every slot is free')
  await t.resolves(closed(balancer), 'every connection is closed')
  await t.resolves(
    eventually(() => sessions.every(([{ isOver }]) => isOver)),
    'as every client is told'
  )
  t.notOk(balancer.log.some(({ level }) => level >= 40))
})

test('a client that is told to leave is left, though it does not close its side', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const balancer = await startBalancer(t, [backend], { ...H2C, LB_KEEP_ALIVE_TIMEOUT: '1' })
  const session = await FrameClient.open(t, balancer.port)
  session.socket.allowHalfOpen = true
  session.send(headers(1, get()))
  t.equal((await session.over(1)).status, 200)
  await t.resolves(closed(balancer))
  t.equal(session.goawayCode, 0)
})

test('a client that says that it will leave gets what it asked for before', async (t) => {
  const backend = await scripted(t, (_request, socket) => void setTimeout(() => socket.write(OK), 50))
  const balancer = await startBalancer(t, [backend], H2C)
  const session = await FrameClient.open(t, balancer.port)
  session.send(headers(1, get()), goaway(0), headers(3, get()))
  await eventually(() => session.stream(1).ended)
  t.equal(session.stream(1).status, 200)
  t.equal(session.stream(3).status, 200, 'and what it has asked for since: it refuses only streams of ours')
  await t.resolves(closed(balancer))
})

test('a head whose rest never comes is not waited for, though a request is under way', async (t) => {
  const backend = await scripted(t, () => {})
  const balancer = await startBalancer(t, [backend], { ...H2C, LB_REQUEST_HEAD_TIMEOUT: '1' })
  const session = await FrameClient.open(t, balancer.port)
  session.send(headers(1, get('/held')))
  await eventually(() => backend.requests.length === 1)
  await sleep(1500)
  t.notOk(session.isOver, 'a request may take longer')
  session.send(frame(Type.headers, Flag.endStream, 3, block(get())))
  await eventually(() => session.isOver, PATIENCE_MS)
  t.equal(session.goawayCode, Code.calm)
  await t.resolves(closed(balancer))
})
