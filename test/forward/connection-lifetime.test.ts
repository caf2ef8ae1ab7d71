import type { Socket } from 'node:net'
import type { Test } from 'tap'
import tap from 'tap'
import { lifetimeOf } from '../../lib/transport/lifetime.js'
import { type Balancer, eventually, sleep, startBalancer, test } from '../helper.js'
import { http2Backend, answering as inStreams } from '../support/http2-backend.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { echo, openTunnel, switching } from '../support/tunnel.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const SLOW = 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n'

/** Asks one after the other. */
async function askFor(t: Test, { port }: Balancer, count: number): Promise<void> {
  const client = await RawClient.open(t, port)
  for (let i = 0; i < count; i++) {
    client.send(GET)
    t.equal((await client.response()).body.toString(), 'ok')
  }
}

/** Backends of either version, whose open connections can be counted, and that hold what asks for `/slow`. */
const BACKENDS = {
  'HTTP/1.1': async (t: Test) => {
    const held: (() => void)[] = []
    const answer = answering(OK)
    const backend = await scripted(t, (request, socket) => {
      if (request.startLine.includes('/slow')) held.push(() => answer(request, socket))
      else answer(request, socket)
    })
    return { backend, address: backend.address, held, open: () => backend.sockets.size }
  },
  'HTTP/2': async (t: Test) => {
    const held: (() => void)[] = []
    const backend = await http2Backend(t, (request) => {
      if (request.headers[':path'] === '/slow') held.push(() => inStreams()(request))
      else inStreams()(request)
    })
    return { backend, address: backend.address, held, open: () => backend.sessions.size }
  }
}

for (const [version, make] of Object.entries(BACKENDS)) {
  test(`${version}: a connection carries no more than max-requests`, async (t) => {
    const { backend, address, open } = await make(t)
    const balancer = await startBalancer(t, `${address};max-requests=5`)
    await askFor(t, balancer, 20)
    t.equal(backend.connections, 4)
    await eventually(() => open() === 0)
    t.match(balancer.stats().backends[0], { failed: 0, total: 20 })
  })

  test(`${version}: with max-requests=1 each request has a connection of its own, many at once as well`, async (t) => {
    const { backend, address, open } = await make(t)
    const balancer = await startBalancer(t, `${address};max-requests=1`)
    await Promise.all(Array.from({ length: 30 }, () => askFor(t, balancer, 2)))
    t.equal(backend.connections, 60)
    await eventually(() => open() === 0)
    t.match(balancer.stats().backends[0], { failed: 0, total: 60 })
  })

  test(`${version}: after max-age an idle connection closes, and one with a request after that`, async (t) => {
    const { address, held, open } = await make(t)
    const balancer = await startBalancer(t, `${address};max-age=0.3`)
    const slow = exchange(t, balancer.port, SLOW)
    await eventually(() => held.length === 1)
    const bound = sleep(1500)
    const end = performance.now() + 1200
    // It is never idle for long, and so ends by its age alone.
    while (performance.now() < end) {
      await askFor(t, balancer, 1)
      await sleep(20)
    }
    await bound
    await eventually(() => open() === 1)
    held.shift()!()
    t.equal((await slow).body.toString(), 'ok')
    await eventually(() => open() === 0)
    t.equal(balancer.stats().backends[0]!.failed, 0)
  })

  test(`${version}: with 0 there is no bound, and both can be changed while the backend runs`, async (t) => {
    const { backend, address } = await make(t)
    const balancer = await startBalancer(t, `${address};max-age=0;max-requests=0`)
    await askFor(t, balancer, 30)
    t.equal(backend.connections, 1)
    const [running] = balancer.registry.backends
    balancer.registry.reconfigure(running!, { ...running!.config, maxRequests: 10 })
    await askFor(t, balancer, 30)
    t.equal(backend.connections, 4)
  })
}

test('a tunnel lives on past the age of its connection', async (t) => {
  const backend = await switching(t, echo)
  const balancer = await startBalancer(t, `${backend.address};max-age=0.1;max-requests=1`)
  const tunnel = await openTunnel(t, balancer)
  await sleep(1200)
  tunnel.send('still there')
  await tunnel.until((text) => text.endsWith('still there'))
})

test('connections that are made together do not end together, and none is used for longer than it may', async (t) => {
  const startMs = performance.now()
  const lifetimes = Array.from({ length: 200 }, () => lifetimeOf({ maxAgeMs: 1_000_000, maxRequests: 1000 }))
  const ages = lifetimes.map(({ retireMs }) => retireMs - startMs)
  const requests = lifetimes.map(({ maxRequests }) => maxRequests)
  t.ok(Math.max(...ages) <= 1_000_000 + (performance.now() - startMs))
  t.ok(Math.min(...ages) >= 900_000 && Math.max(...ages) - Math.min(...ages) > 50_000)
  t.ok(Math.max(...requests) <= 1000 && Math.min(...requests) >= 900)
  t.ok(new Set(requests).size > 20)
  t.same(lifetimeOf({ maxAgeMs: 0, maxRequests: 0 }), { retireMs: Infinity, maxRequests: Infinity })
})

tap.setTimeout(120_000)

/** Bytes that one read takes, and that a client's side does not take at once while it waits. */
const BODY = Buffer.alloc(60_000, 'the end of the connection ')

/**
 * Has a backend send `head` and `BODY` while its client cannot take it, as the response before it is not there yet;
 * then the backend does as `leave` says, and the client gets its turn.
 */
async function whileClientWaits(t: Test, head: string, leave: (socket: Socket) => void) {
  // More than comes.
  const start = Buffer.from(head.includes('chunked') ? 'ffff\r\n' : '')
  const held: Socket[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.startsWith('GET /held')) held.push(socket)
    else socket.write(OK)
  })
  // In the lane a second request waits for its turn before it goes to a backend.
  const balancer = await startBalancer(t, [backend], { LB_LANE: 'off' })
  const client = await RawClient.open(t, balancer.port)
  client.send('GET /held/1 HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => held.length === 1)
  client.send('GET /held/2 HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => held.length === 2)
  held[1]!.write(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), start, BODY]))
  await sleep(30)
  leave(held[1]!)
  await sleep(30)
  t.equal(
    statusOf(await exchange(t, balancer.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')),
    200,
    'others do not notice'
  )
  held[0]!.write(OK)
  t.equal(statusOf(await client.response()), 200)
  return client
}

for (const [form, head] of [
  ['HTTP/1.0', 'HTTP/1.0 200 OK'],
  ['HTTP/1.1 without a length', 'HTTP/1.1 200 OK\r\nConnection: close'],
  ['HTTP/1.1 with a length', `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${BODY.length}`]
] as const) {
  test(`a backend that closes after a response to a client that waits: whole (${form})`, async (t) => {
    const client = await whileClientWaits(t, head, (socket) => socket.end())
    t.ok((await client.response()).body.equals(BODY))
  })
}

for (const [form, head] of [
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 60001'],
  ['HTTP/1.1, closing', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 60001'],
  ['HTTP/1.1, closing, chunked', 'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked'],
  ['HTTP/1.1', 'HTTP/1.1 200 OK\r\nContent-Length: 60001']
] as const) {
  for (const [how, leave] of [
    ['closes', (socket: Socket) => socket.end()],
    ['resets', (socket: Socket) => socket.resetAndDestroy()]
  ] as const) {
    test(`a backend that ${how} amid a response to a client that waits: cut off (${form})`, async (t) => {
      const client = await whileClientWaits(t, head, leave)
      await client.untilClosed()
      await t.rejects(client.response())
    })
  }
}
