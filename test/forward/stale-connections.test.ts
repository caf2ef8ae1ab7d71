import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:tls'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, startBalancer, test, withoutChance } from '../helper.js'
import { authority, contents } from '../support/certificates.js'
import { framed } from '../support/frame-backend.js'
import { Type } from '../support/http2-frames.js'
import { answering, OK, type Script, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, readMessage, statusOf } from '../support/wire.js'

const request = (method = 'GET', body = '') =>
  `${method} / HTTP/1.1\r\nHost: x\r\n${body ? `Content-Length: ${body.length}\r\n` : ''}\r\n${body}`
const UPGRADE = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
const SWITCH = 'HTTP/1.1 101 Switch\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
const NO_RETRIES = { LB_RETRIES: '0' }

const ENDS: Readonly<Record<string, (socket: Socket) => void>> = {
  'a reset': (socket) => socket.resetAndDestroy(),
  'its end': (socket) => void socket.end(),
  'both ends': (socket) => socket.destroy()
}

/** Answers the first requests of each connection, when told to, and ends the connection as another one comes. */
function fickle(end: (socket: Socket) => void = ENDS['a reset']!) {
  const held: Socket[] = []
  const seen = new Set<Socket>()
  const script: Script = ({ startLine, fields }, socket) => {
    if (seen.has(socket)) return end(socket)
    seen.add(socket)
    if (fieldValue(fields, 'upgrade')) socket.write(SWITCH)
    else if (startLine.includes('/burst')) held.push(socket)
    else socket.write(OK)
  }
  return { held, script, seen }
}

/** Has so many requests under way at once, and answered, so that as many connections lie idle. */
async function burst(t: Test, { port }: Balancer, held: Socket[], size: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: size }, () => RawClient.open(t, port)))
  for (const client of clients) client.send('GET /burst HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => held.length === size, 10_000)
  for (const socket of held.splice(0)) socket.write(OK)
  for (const client of clients) t.equal(statusOf(await client.response()), 200)
}

for (const [how, end] of Object.entries(ENDS)) {
  test(`a GET that meets connections that are being closed by ${how} goes on a new one`, async (t) => {
    for (const size of [1, 3, 40]) {
      const { held, script } = fickle(end)
      const backend = await scripted(t, script)
      const balancer = await startBalancer(t, [backend], NO_RETRIES)
      await burst(t, balancer, held, size)
      t.equal(backend.connections, size)
      t.equal(statusOf(await exchange(t, balancer.port, request())), 200, `${size} of them`)
      t.equal(backend.requests.length, size + 2, 'one of the idle connections was tried')
      t.equal(backend.connections, size + 1)
      await eventually(() => backend.sockets.size === 1)
      t.match(balancer.stats().backends, [{ failed: 1, retries: 1 }])
    }
  })
}

test('so does what else may be sent twice, with its body, and an upgrade', async (t) => {
  for (const bytes of [request('PUT', 'hello'), request('DELETE'), UPGRADE]) {
    const { held, script } = fickle()
    const backend = await scripted(t, script)
    const balancer = await startBalancer(t, [backend], NO_RETRIES)
    await burst(t, balancer, held, 4)
    t.equal(statusOf(await exchange(t, balancer.port, bytes)), bytes === UPGRADE ? 101 : 200)
    t.same(backend.requests.at(-1)!.body, backend.requests.at(-2)!.body)
  }
})

test('a POST is not sent again, but spares others the connections that lay idle', async (t) => {
  const { held, script } = fickle()
  const backend = await scripted(t, script)
  const balancer = await startBalancer(t, [backend])
  await burst(t, balancer, held, 5)
  t.equal(statusOf(await exchange(t, balancer.port, request('POST', 'hello'))), 502)
  t.equal(statusOf(await exchange(t, balancer.port, request('POST', 'hello'))), 200)
})

test('many that meet them at once are all answered, however long that takes', async (t) => {
  const { held, script } = fickle()
  const backend = await scripted(t, script)
  const balancer = await startBalancer(t, [backend], { ...NO_RETRIES, LB_RETRY_BUDGET: '0' })
  // In each but the first all meet a connection that is closed, and most of them wait for a place in the budget.
  for (let i = 0; i < 3; i++) await burst(t, balancer, held, 30)
  t.match(balancer.stats().requests, { failed: 0, retriesRefused: 0, retrying: 0 })
})

test('over TLS as well', async (t) => {
  const by = authority(t)
  if (!by) return
  const { held, script, seen } = fickle((socket) => socket.destroy())
  const server = createServer(contents(by.issue('localhost')), (socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      const message = readMessage(bytes, { kind: 'request' })
      if (message) script(message, socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await eventually(() => server.listening)
  atEnd(t, () => {
    for (const socket of seen) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const balancer = await startBalancer(t, `https://localhost:${port}`, {
    ...NO_RETRIES,
    LB_BACKEND_CA: by.file
  })
  await burst(t, balancer, held, 10)
  t.equal(statusOf(await exchange(t, balancer.port, request())), 200)
  t.equal(seen.size, 11)
})

test('the last slot of a backend waits for it, though others were in line', async (t) => {
  const { held, script } = fickle()
  const backend = await scripted(t, script)
  const balancer = await startBalancer(t, `${backend.address};max=1`, NO_RETRIES)
  for (let i = 0; i < 5; i++) {
    await burst(t, balancer, held, 1)
    const clients = await Promise.all([0, 1, 2].map(() => RawClient.open(t, balancer.port)))
    for (const client of clients) client.send(request())
    for (const client of clients) t.equal(statusOf(await client.response()), 200)
  }
})

test('with two backends the other one is asked, over a new connection too', async (t) => {
  withoutChance(t)
  const [one, two] = [fickle(), fickle()]
  const backends = [await scripted(t, one.script), await scripted(t, two.script)]
  const balancer = await startBalancer(t, backends, NO_RETRIES)
  const { registry } = balancer
  for (const [i, { held }] of [one, two].entries()) {
    registry.setDraining(registry.backends[1 - i]!, true, 'test')
    await burst(t, balancer, held, 5)
    registry.setDraining(registry.backends[1 - i]!, false, 'test')
  }
  t.equal(statusOf(await exchange(t, balancer.port, request())), 200)
  t.same(
    backends.map(({ connections, requests }) => [connections, requests.length]),
    [
      [5, 6],
      [6, 6]
    ]
  )
})

test('a request that breaks every connection is given to few backends', async (t) => {
  const backends = await Promise.all(
    Array.from({ length: 8 }, () =>
      scripted(t, ({ startLine }, socket) => {
        if (startLine.includes('/deadly')) socket.resetAndDestroy()
        else socket.write(OK)
      })
    )
  )
  const balancer = await startBalancer(t, backends)
  for (let i = 0; i < 8; i++) {
    for (const [id, backend] of balancer.registry.backends.entries())
      balancer.registry.setDraining(backend, id !== i, 'test')
    t.equal(statusOf(await exchange(t, balancer.port, request())), 200)
  }
  for (const backend of balancer.registry.backends) balancer.registry.setDraining(backend, false, 'test')
  t.equal(statusOf(await exchange(t, balancer.port, 'GET /deadly HTTP/1.1\r\nHost: x\r\n\r\n')), 502)
  const asked = backends.filter(({ requests }) => requests.length === 2)
  t.equal(asked.length, 4, 'the first one, and three as for any other loss')
})

test('a loss over a new connection counts, and its retry may use one that lies idle', async (t) => {
  withoutChance(t)
  const broken = await scripted(t, (_request, socket) => socket.resetAndDestroy())
  const other = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [broken, other], { LB_RETRIES: '1' })
  const { registry } = balancer
  registry.setDraining(registry.backends[0]!, true, 'test')
  t.equal(statusOf(await exchange(t, balancer.port, request())), 200)
  registry.setDraining(registry.backends[0]!, false, 'test')
  t.equal(statusOf(await exchange(t, balancer.port, request())), 200)
  t.same([broken.requests.length, other.connections], [1, 1])
})

test('HTTP/2: what is lost with connections in use goes on a new one, and those that were idle are closed', async (t) => {
  let held: (() => void)[] = []
  const backend = await framed(
    t,
    ({ type, id }, peer) => {
      if (type !== Type.headers) return
      if (id > 1) peer.socket.destroy()
      else if (held.length < 5) held.push(() => peer.answer(id))
      else peer.answer(id)
    },
    (peer) => peer.settings([3, 1])
  )
  const balancer = await startBalancer(t, `${backend.address};h2`, NO_RETRIES)
  const clients = await Promise.all(Array.from({ length: 5 }, () => RawClient.open(t, balancer.port)))
  for (const client of clients) client.send(request())
  await eventually(() => held.length === 5)
  for (const answer of held) answer()
  for (const client of clients) t.equal(statusOf(await client.response()), 200)
  t.equal(backend.connections, 5)
  t.equal(statusOf(await exchange(t, balancer.port, request('PUT', 'hello'))), 200)
  t.equal(backend.connections, 6)
  await eventually(() => backend.sockets.size === 1)
  held = []
})
