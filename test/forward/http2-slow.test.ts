import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { atEnd, type Balancer, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { pattern } from '../support/answer.js'
import { FrameClient, opening } from '../support/frame-client.js'
import { buffersSince, heldMemory } from '../support/garbage.js'
import { answering, http2Backend } from '../support/http2-backend.js'
import { data, get, headers, ping, request, Setting, window } from '../support/http2-frames.js'
import { pour } from '../support/pour.js'
import { OK, type Script, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { forHttp2 } from '../support/secure-ports.js'

// Slow clients

const H2C = forHttp2()
/** Sweeps are a second apart. */
const PATIENCE_MS = 12_000

const freed = (balancer: Balancer) =>
  eventually(() => inFlight(balancer).every((count) => count === 0), PATIENCE_MS)
const closed = (balancer: Balancer) => eventually(() => balancer.connections.size === 0, PATIENCE_MS)

/** Does something again and again until a session is over. */
function keepDoing(session: FrameClient, everyMs: number, act: () => void): void {
  const timer = setInterval(act, everyMs)
  session.socket.once('close', () => clearInterval(timer))
}

const MUCH = 3_000_000
const pourMuch = (socket: Socket) =>
  void socket.write(
    Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${MUCH}\r\n\r\n`), Buffer.alloc(MUCH)])
  )

/** What a client does about what it is sent. */
const NOT_TAKING: Readonly<Record<string, (session: FrameClient) => unknown>> = {
  'never opens its windows': (session) => void session.send(ping()),
  'opens its windows by a byte at a time': (session) => {
    keepDoing(session, 100, () => session.send(window(0, 1), window(1, 1), window(3, 1)))
  },
  'only opens the window of its connection, and asks for what is not DATA': (session) => {
    session.send(window(0, 2 ** 30))
    keepDoing(session, 10, () => session.send(ping()))
  },
  'only opens those of its streams': (session) => {
    session.send(window(1, 2 ** 30), window(3, 2 ** 30))
    keepDoing(session, 10, () => session.send(ping()))
  },
  'does not read': (session) => {
    session.send(window(0, 2 ** 30), window(1, 2 ** 30), window(3, 2 ** 30))
    session.socket.pause()
  }
}

const answerMuch: Script = ({ startLine }, socket) => {
  if (startLine.includes('/much')) pourMuch(socket)
  else socket.write(OK)
}

test('a client that does not take what it is sent is not waited for', async (t) => {
  const backend = await scripted(t, answerMuch)
  const env = { ...H2C, LB_HTTP2_SEND_TIMEOUT: '2', LB_KEEP_ALIVE_TIMEOUT: '1', LB_REQUEST_HEAD_TIMEOUT: '2' }
  const balancer = await startBalancer(t, [backend], env)
  const sessions = await Promise.all(
    Object.values(NOT_TAKING).map(async (act) => {
      const session = await FrameClient.open(t, balancer.port, { own: [[Setting.window, 0]] })
      // One that is held by a backend, one that would be over, and one that never gets there.
      session.send(headers(1, get('/much')), headers(3, get('/little')), headers(5, get('/#refused')))
      await eventually(() => session.stream(1).status === 200 && session.stream(3).status === 200)
      t.equal(session.stream(5).status, 400)
      act(session)
      return session
    })
  )
  t.ok(inFlight(balancer)[0]! > sessions.length)
  await t.resolves(freed(balancer), 'their slots are free')
  await t.resolves(closed(balancer), 'and their sessions end')
  t.notOk(sessions.some((session) => session.stream(1).ended))
})

test('heads that a client does not read are not made without end', async (t) => {
  const large = Buffer.from(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(14_000)}\r\nContent-Length: 0\r\n\r\n`)
  const backend = await scripted(t, (_request, socket) => void socket.write(large))
  const balancer = await startBalancer(t, [backend], H2C)
  const session = await FrameClient.open(t, balancer.port)
  await eventually(() => session.counts[4]! > 0)
  session.socket.pause()
  const requests = 3000
  for (let id = 1; id < 2 * requests; id += 100) {
    session.send(...Array.from({ length: 50 }, (_, i) => headers(id + 2 * i, request('HEAD', '/'))))
    await eventually(() => inFlight(balancer)[0] === 0)
    await sleep(5)
  }
  const { length } = backend.requests
  t.ok(length > 10 && length < requests / 2, `${length} were made`)
  session.leave()
  await t.resolves(closed(balancer))
})

test('interim responses that a client does not read are left out, and the final one is not', async (t) => {
  const count = 2000
  const hints = Buffer.from(`HTTP/1.1 103 Early Hints\r\nX: ${'x'.repeat(14_000)}\r\n\r\n`.repeat(count))
  const backend = await scripted(t, (_request, socket) => {
    socket.write(hints)
    socket.write(OK)
  })
  const balancer = await startBalancer(t, [backend], H2C)
  const session = await FrameClient.open(t, balancer.port)
  await eventually(() => session.counts[4]! > 0)
  session.socket.pause()
  session.send(headers(1, get()))
  // All that the backend has sent is read.
  await eventually(() => {
    const { total, active } = balancer.stats().backends[0]!
    return total === 1 && active === 0
  })
  session.socket.resume()
  await eventually(() => session.stream(1).ended)
  const { statuses } = session.stream(1)
  t.equal(statuses.at(-1), 200)
  t.ok(statuses.length > 10 && statuses.length < count / 2, `${statuses.length} of ${count}`)
})

test('a client that takes its time gets all', async (t) => {
  const balancer = await startBalancer(t, [await scripted(t, answerMuch)], {
    ...H2C,
    LB_HTTP2_SEND_TIMEOUT: '1'
  })
  const session = await FrameClient.open(t, balancer.port, { own: [[Setting.window, 0]] })
  session.send(headers(1, get('/much')))
  // A part of the body takes longer than the limit.
  keepDoing(session, 200, () => session.send(window(0, 8000), window(1, 8000)))
  await eventually(() => session.stream(1).bodyBytes >= 120_000, PATIENCE_MS)
  session.send(window(0, 2 ** 30), window(1, 2 ** 30))
  const { ended, resetCode, bodyBytes } = await session.over(1)
  t.same([ended, resetCode, bodyBytes], [true, undefined, MUCH])
  session.leave()
})

test('a client that never gets as far as a request is left', async (t) => {
  const backend = await scripted(t, answerMuch)
  const balancer = await startBalancer(t, [backend], { ...H2C, LB_REQUEST_HEAD_TIMEOUT: '1' })
  const whole = Buffer.concat([opening(), headers(1, get())])
  const cuts = [2, 4, 20, 24, 30, opening().length, opening().length + 12]
  await Promise.all(
    cuts.map((cut) => FrameClient.open(t, balancer.port, { opening: whole.subarray(0, cut) }))
  )
  let at = opening().length
  const slow = await FrameClient.open(t, balancer.port)
  // It would take three seconds to send the head.
  keepDoing(slow, 3000 / (whole.length - at), () => slow.send(whole.subarray(at, ++at)))
  const pinging = await FrameClient.open(t, balancer.port)
  keepDoing(pinging, 50, () => pinging.send(ping()))
  await t.resolves(closed(balancer))
  t.equal(backend.requests.length, 0)
})

test('a body that does not go on is not waited for', async (t) => {
  const balancer = await startBalancer(t, [await scripted(t, answerMuch)], {
    ...H2C,
    LB_REQUEST_BODY_TIMEOUT: '0.5'
  })
  const session = await FrameClient.open(t, balancer.port)
  const { length } = 'content-length'
  session.send(
    headers(1, request('POST', '/'), { open: true }),
    headers(3, request('POST', '/', ['content-length', `${length}`]), { open: true }),
    data(3, 'content'),
    headers(5, request('POST', '/'), { open: true })
  )
  keepDoing(session, 100, () => session.send(data(5, 'more')))
  const [silent, begun] = [await session.over(1, PATIENCE_MS), await session.over(3, PATIENCE_MS)]
  t.same([silent.status, begun.status], [408, 408])
  t.equal(session.stream(5).status, 0, 'one that goes on is')
  session.send(data(5, '', true))
  t.equal((await session.over(5)).status, 200)
  session.leave()
})

// Clients and backends that do not read

/** Of no size that memory comes in, so that what is out of order shows. */
const PIECE = pattern('slow', 49_999)
const PIECES = 1000
const SIZE = PIECE.length * PIECES
const HELD_LIMIT = 1_000_000

const WHOLE = (() => {
  const hash = createHash('sha1')
  for (let i = 0; i < PIECES; i++) hash.update(PIECE)
  return hash.digest('hex')
})()

async function hashOf(body: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha1')
  for await (const chunk of body) hash.update(chunk)
  return hash.digest('hex')
}

/** Resolves when a count has not changed for a while. */
async function settled(count: () => number): Promise<number> {
  let before = -1
  await eventually(async () => {
    const now = count()
    const isSame = now === before
    before = now
    await sleep(150)
    return isSame && now > 0
  }, 10_000)
  return before
}

for (const fields of [{}, { 'content-length': `${SIZE}` }] as Record<string, string>[]) {
  test(`of a response that nobody reads little is held, while others pass (${Object.keys(fields)})`, async (t) => {
    let takenNow = () => 0
    const backend = await http2Backend(t, ({ stream, headers }) => {
      if (headers[':path'] === '/quick') {
        answering(Buffer.alloc(1_000_000, 'q'))({ stream, headers, raw: [] })
        return
      }
      stream.respond({ ':status': 200, ...fields })
      takenNow = pour(stream, PIECE, PIECES, () => stream.end())
    })
    const balancer = await startBalancer(t, [backend])
    const clients: Socket[] = []
    balancer.fastify.server.on('connection', (socket: Socket) => clients.push(socket))
    await exchange(t, balancer.port, 'GET /quick HTTP/1.1\r\nHost: x\r\n\r\n')
    const before = await heldMemory()
    const req = httpRequest({ host: '127.0.0.1', port: balancer.port, agent: false }).end()
    atEnd(t, () => req.destroy())
    const [res] = await once(req, 'response')
    const [, slow] = clients
    const taken = await settled(() => takenNow())
    t.ok(taken < 30_000_000, `${taken} bytes were taken`)
    t.ok(slow!.writableLength < HELD_LIMIT, `${slow!.writableLength} bytes wait on the client's connection`)
    const held = await buffersSince(before, HELD_LIMIT)
    t.ok(held < HELD_LIMIT, `${held} bytes are held in all`)
    for (let i = 0; i < 20; i++) {
      const { body } = await exchange(t, balancer.port, 'GET /quick HTTP/1.1\r\nHost: x\r\n\r\n')
      t.equal(body.length, 1_000_000)
    }
    t.equal(backend.connections, 1, 'over the same connection')
    t.equal(await hashOf(res), WHOLE, 'all of it arrives, byte for byte')
  })
}

for (const headers of [{ 'Content-Length': SIZE }, { 'Transfer-Encoding': 'chunked' }] as Record<
  string,
  string | number
>[]) {
  test(`of an upload that a backend does not read little is held (${Object.keys(headers)})`, async (t) => {
    const backend = await http2Backend(t, () => {})
    const balancer = await startBalancer(t, [backend])
    await sleep(50)
    const before = await heldMemory()
    const req = httpRequest({ host: '127.0.0.1', port: balancer.port, agent: false, method: 'POST', headers })
    atEnd(t, () => req.destroy())
    req.on('error', () => {})
    const responded = once(req, 'response')
    pour(req, PIECE, PIECES, () => req.end())
    await eventually(() => backend.requests.length === 1)
    const { socket } = req
    const taken = await settled(() => socket!.bytesWritten - socket!.writableLength)
    t.ok(taken < 30_000_000, `${taken} bytes were taken`)
    const held = await buffersSince(before, HELD_LIMIT)
    t.ok(held < HELD_LIMIT, `${held} bytes are held in all`)
    const [asked] = backend.requests
    t.equal(await hashOf(asked!.stream), WHOLE)
    answering()(asked!)
    const [res] = await responded
    t.equal(res.statusCode, 200)
    res.resume()
  })
}
