import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, sleep, startBalancer, test, withoutChance } from '../helper.js'
import { authority, contents } from '../support/certificates.js'
import { framed } from '../support/frame-backend.js'
import { Type } from '../support/http2-frames.js'
import { listen } from '../support/listen.js'
import { answering, OK, type Script, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, readMessage, statusOf } from '../support/wire.js'

// Resilience

const request = (method = 'GET', body = '') =>
  `${method} / HTTP/1.1\r\nHost: x\r\n${body ? `Content-Length: ${body.length}\r\n` : ''}\r\n${body}`
const ERROR = 'HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno'

test('a body that was kept arrives whole at the second backend, in either framing', async (t) => {
  withoutChance(t)
  const body = 'x'.repeat(3000)
  for (const text of [
    request('PUT', body),
    `PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nbb8\r\n${body}\r\n0\r\nX-T: 1\r\n\r\n`
  ]) {
    const first = await scripted(t, (_request, socket) => socket.resetAndDestroy())
    const other = await scripted(t, answering(OK))
    const balancer = await startBalancer(t, [first, other])
    t.equal(statusOf(await exchange(t, balancer.port, text)), 200)
    for (const { requests } of [first, other]) {
      t.equal(requests.length, 1)
      t.equal(`${requests[0]!.body}`, body)
    }
  }
})

test('half a body that was kept is sent again, and the rest behind it', async (t) => {
  withoutChance(t)
  const server = createServer((req) => req.once('data', () => req.socket.destroy()))
  const other = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [{ address: await listen(t, server) }, other], {
    // Of the body, however often it is sent.
    LB_MAX_BODY_SIZE: '10'
  })
  const client = await RawClient.open(t, balancer.port)
  client.send('PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n')
  await eventually(() => balancer.stats().backends[1]!.active === 1)
  client.send('5\r\n half\r\n0\r\n\r\n')
  t.equal(statusOf(await client.response()), 200)
  t.equal(`${other.requests[0]!.body}`, 'first half')
})

test('LB_RETRY_STATUS: an answer is not taken if another backend may give a better one', async (t) => {
  withoutChance(t)
  const broken = await scripted(t, answering(ERROR))
  const other = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [broken, other], { LB_RETRY_STATUS: '502-504' })
  t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), 200)
  // Until the error does not count as load any more.
  await eventually(() => balancer.registry.backends[0]!.load === 0)
  t.equal(statusOf(await exchange(t, balancer.port, request('POST'))), 503, 'not to be sent twice')
  t.match(balancer.stats().backends[0], { retries: 1, total: 2, responses: { '5xx': 2 } })
  const alone = await startBalancer(t, [broken], { LB_RETRY_STATUS: '503' })
  t.equal(statusOf(await exchange(t, alone.port, request('GET'))), 503, 'nobody else is there')
})

test('a backend that fails fast does not draw the traffic, and is ejected', async (t) => {
  const broken = await scripted(t, answering(ERROR))
  const good = await Promise.all(
    [0, 1].map(() => scripted(t, (_request, socket) => void setTimeout(() => socket.write(OK), 5)))
  )
  const balancer = await startBalancer(t, [broken, ...good])
  const statuses: number[] = []
  const worker = async () => {
    const client = await RawClient.open(t, balancer.port)
    for (let i = 0; i < 40; i++) {
      client.send(request('GET'))
      statuses.push(statusOf(await client.response()))
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  const failed = statuses.filter((status) => status === 503).length
  t.ok(failed >= 5 && failed <= 15, `${failed} of ${statuses.length} met it`)
  t.match(balancer.stats().backends[0], { state: 'ejected', ejections: 1 })
  t.ok(balancer.log.some(({ msg }) => /is ejected: 5 errors in a row, for 10 s/.test(msg)))
})

test('a backend that breaks every response is ejected, though it begins each of them well', async (t) => {
  const breaking = await scripted(t, (_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy())
  })
  const good = await Promise.all(
    [0, 1].map(() => scripted(t, (_request, socket) => void setTimeout(() => socket.write(OK), 5)))
  )
  const balancer = await startBalancer(t, [breaking, ...good])
  let cut = 0
  const worker = async () => {
    for (let i = 0; i < 60; i++) {
      const client = await RawClient.open(t, balancer.port)
      client.send(request('GET'))
      if (
        await client.response().then(
          () => false,
          () => true
        )
      )
        cut++
      client.socket.destroy()
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  t.ok(cut >= 5 && cut <= 60, `${cut} of 480 met it`)
  t.match(balancer.stats().backends[0], { state: 'ejected', ejections: 1 })
})

test('what waits on a backend that answers nobody is sent elsewhere within a second', async (t) => {
  withoutChance(t)
  let frozen = false
  const answers = createServer((_req, res) => {
    if (!frozen) res.end('first')
  })
  const other = createServer((_req, res) => res.end('other'))
  const addresses = [{ address: await listen(t, answers) }, { address: await listen(t, other) }]
  const balancer = await startBalancer(t, addresses, {
    LB_NO_HEALTH_CHECK: 'false',
    LB_HEALTH_CHECK_PERIOD: '60'
  })
  t.equal(`${(await exchange(t, balancer.port, request('GET'))).body}`, 'first')
  frozen = true
  const client = await RawClient.open(t, balancer.port)
  const post = await RawClient.open(t, balancer.port)
  const startMs = performance.now()
  client.send(request('GET'))
  await eventually(() => balancer.stats().backends[0]!.active === 1)
  t.equal(`${(await client.response()).body}`, 'other')
  const tookMs = performance.now() - startMs
  // The next check is a minute away, and so is the end of its time.
  t.ok(tookMs < 20_000, `${tookMs} ms`)
  await eventually(() => balancer.stats().backends[0]!.active === 0)
  t.match(balancer.stats().backends, [{ state: 'ejected', failed: 0 }, { hedges: 1 }])
  t.equal(balancer.stats().requests.retrying, 0)
  t.equal(`${(await exchange(t, balancer.port, request('GET'))).body}`, 'other')
  frozen = false
  await eventually(() => balancer.stats().backends[0]!.state === 'healthy')
  post.socket.destroy()
})

test('a request that takes long on a backend that is well stays there', async (t) => {
  withoutChance(t)
  const server = createServer((req, res) => {
    if (req.url === '/slow') setTimeout(() => res.end('slow'), 900)
    else res.end('check')
  })
  const other = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [{ address: await listen(t, server) }, other], {
    LB_NO_HEALTH_CHECK: 'false'
  })
  const response = await exchange(t, balancer.port, 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal(`${response.body}`, 'slow')
  t.match(balancer.stats().backends, [{ state: 'healthy', ejections: 0 }, { hedges: 0 }])
})

test('LB_HEDGE: the first of two answers is taken, and the other attempt given up', async (t) => {
  withoutChance(t)
  let slow = false
  const first = createServer((_req, res) => void setTimeout(() => res.end('first'), slow ? 3000 : 1))
  const other = createServer((_req, res) => res.end('other'))
  const balancer = await startBalancer(
    t,
    [{ address: await listen(t, first) }, { address: await listen(t, other) }],
    { LB_HEDGE: 'true', LB_STALL_TIMEOUT: '0' }
  )
  for (let i = 0; i < 20; i++) await exchange(t, balancer.port, request('GET'))
  await sleep(1100)
  slow = true
  const asked = once(first, 'request')
  const client = await RawClient.open(t, balancer.port)
  client.send(request('GET'))
  const [req] = await asked
  const left = once(req.socket, 'close')
  t.equal(`${(await client.response()).body}`, 'other')
  await left
  t.match(balancer.stats().backends, [
    { active: 0, failed: 0 },
    { active: 0, hedges: 1 }
  ])
})

/** A backend that answers at once until it is slow, two that do as told meanwhile, and a request that was hedged. */
async function hedged(t: Test, first: Action, second: Action, third: Action) {
  withoutChance(t)
  let slow = false
  const backends = await Promise.all(
    [first, second, third].map((act) =>
      scripted(t, (_request, socket) => void (slow ? act(socket) : socket.write(OK)))
    )
  )
  const balancer = await startBalancer(t, backends, {
    LB_HEDGE: 'true',
    LB_STALL_TIMEOUT: '0',
    LB_RETRY_STATUS: '503'
  })
  for (let i = 0; i < 20; i++) await exchange(t, balancer.port, request('GET'))
  await sleep(1100)
  slow = true
  const [, ...others] = backends
  const status = statusOf(await exchange(t, balancer.port, request('GET')))
  return { status, asked: others.map(({ requests }) => requests.length), balancer }
}

type Action = (socket: Socket) => void

test('LB_HEDGE: a backend at which one of two attempts failed is not asked again', async (t) => {
  const { status, asked } = await hedged(
    t,
    () => {},
    (socket) => socket.resetAndDestroy(),
    (socket) => socket.write(OK)
  )
  t.same([status, asked], [200, [1, 1]])
})

test('LB_HEDGE: when one of two answers what is tried elsewhere, the other one goes on', async (t) => {
  const { status, asked, balancer } = await hedged(
    t,
    (socket) => setTimeout(() => socket.write(ERROR), 300),
    (socket) => setTimeout(() => socket.write(OK), 600),
    () => {}
  )
  t.same([status, asked], [200, [1, 0]])
  t.match(balancer.stats().requests, { retrying: 0, failed: 0 })
})

// Stale connections

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
  const server = createTlsServer(contents(by.issue('localhost')), (socket) => {
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
