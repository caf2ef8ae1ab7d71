import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectH2 } from 'node:http2'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createServer as createSecureServer, type SecureVersion } from 'node:tls'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { pattern } from '../support/answer.js'
import { Authority } from '../support/certificates.js'
import { needs } from '../support/command.js'
import { answering, OK, scripted, serving } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { delivered } from '../support/send-queue.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const TIMES = 6
const PATIENCE_MS = 20_000
const UPLOAD_PART = Buffer.alloc(50_000, 'x')
const UPLOAD_SIZE = 40 * UPLOAD_PART.length
const CLOSING_413 =
  'HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large'

/** Answers on the head of an upload alone, and closes with the rest unread, upon which the system resets the connection. */
function refusing(answer: string | Buffer, whenWritten: (socket: Socket) => Promise<void> = async () => {}) {
  return (socket: Socket) => {
    let head = ''
    socket.on('data', (bytes) => {
      head += bytes.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      socket.pause()
      socket.write(answer, () => void whenWritten(socket).finally(() => socket.destroy()))
    })
  }
}

/** Sends an upload, whatever becomes of it; the socket is read all the while. */
function upload(client: RawClient, framing: 'length' | 'chunked', method = 'POST'): void {
  const { socket } = client
  const isChunked = framing === 'chunked'
  const field = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${UPLOAD_SIZE}`
  client.send(`${method} /up HTTP/1.1\r\nHost: x\r\n${field}\r\n\r\n`)
  let sent = 0
  const more = () => {
    while (sent < UPLOAD_SIZE && !socket.destroyed) {
      if (isChunked) client.send(`${UPLOAD_PART.length.toString(16)}\r\n`)
      sent += UPLOAD_PART.length
      const isTaken = socket.write(UPLOAD_PART)
      if (isChunked) client.send('\r\n')
      if (!isTaken) return void socket.once('drain', more)
    }
    if (isChunked) client.send('0\r\n\r\n')
  }
  more()
}

/** Nobody is blamed for how an upload ended. */
async function checkBlameless(t: Test, balancer: Balancer): Promise<void> {
  await eventually(() => inFlight(balancer).every((count) => count === 0))
  const { requests, backends } = balancer.stats()
  t.same([requests.failed, backends[0]!.failed, backends[0]!.retries], [0, 0, 0])
  t.equal(backends[0]!.ejections, 0)
  t.notOk(balancer.log.some(({ level }) => level >= 40))
}

for (const framing of ['length', 'chunked'] as const) {
  test(`an answer to the head of an upload arrives, though a reset follows it: ${framing}`, async (t) => {
    const backend = await serving(t, refusing(CLOSING_413))
    const balancer = await startBalancer(t, [backend])
    for (let i = 0; i < TIMES; i++) {
      const client = await RawClient.open(t, balancer.port)
      upload(client, framing)
      const response = await client.response({ timeoutMs: PATIENCE_MS })
      t.same([statusOf(response), `${response.body}`], [413, 'too large'])
      client.socket.end()
    }
    await checkBlameless(t, balancer)
  })
}

test('the same over TLS, which nobody has ended with a word', async (t) => {
  if (!needs(t, 'openssl')) return
  const folder = mkdtempSync(path.join(tmpdir(), 'early-reset-'))
  atEnd(t, () => rmSync(folder, { recursive: true }))
  const by = new Authority(folder)
  const { certFile, keyFile } = by.issue('localhost')
  const pair = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
  for (const version of ['TLSv1.2', 'TLSv1.3'] satisfies SecureVersion[]) {
    const server = createSecureServer({ ...pair, minVersion: version, maxVersion: version }, (socket) => {
      socket.on('error', () => {})
      refusing(CLOSING_413)(socket)
    })
    server.on('tlsClientError', () => {})
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    atEnd(t, () => new Promise((resolve) => server.close(resolve)))
    const { port } = server.address() as { port: number }
    const balancer = await startBalancer(t, `https://127.0.0.1:${port}`, { LB_BACKEND_CA: by.file })
    for (let i = 0; i < TIMES; i++) {
      const client = await RawClient.open(t, balancer.port)
      upload(client, i % 2 === 0 ? 'length' : 'chunked')
      t.equal(statusOf(await client.response({ timeoutMs: PATIENCE_MS })), 413, version)
      client.socket.end()
    }
    await checkBlameless(t, balancer)
  }
})

test('a client of HTTP/2 gets it as well', async (t) => {
  const backend = await serving(t, refusing(CLOSING_413))
  const balancer = await startBalancer(t, [backend], { LB_H2C: 'true' })
  for (let i = 0; i < TIMES; i++) {
    const session = connectH2(`http://127.0.0.1:${balancer.port}`)
    session.on('error', () => {})
    const stream = session.request({ ':method': 'POST', ':path': '/up' })
    let status = 0
    let body = ''
    let isOver = false
    stream
      .on('error', () => {})
      .on('response', (head) => {
        status = head[':status']!
      })
    stream.setEncoding('latin1').on('data', (text) => {
      body += text
    })
    stream.on('end', () => {
      isOver = true
    })
    stream.write(Buffer.alloc(UPLOAD_SIZE))
    await eventually(() => isOver, PATIENCE_MS)
    t.same([status, body, stream.aborted], [413, 'too large', false])
    session.destroy()
  }
  await checkBlameless(t, balancer)
})

const much = pattern('much', 4_000_000)
const CHUNKED = Buffer.concat([
  Buffer.from(
    `HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n${much.length.toString(16)}\r\n`
  ),
  much,
  Buffer.from('\r\n0\r\n\r\n')
])
const LONG = Buffer.concat([
  Buffer.from(`HTTP/1.1 400 Bad Request\r\nContent-Length: ${much.length}\r\n\r\n`),
  much
])
for (const [framing, answer] of [
  ['chunks', CHUNKED],
  ['a length', LONG]
] as const) {
  test(`a slow client that reads after it has sent all gets a long answer whole: ${framing}`, async (t) => {
    // How much of it the balancer takes while nobody reads is for the kernel to decide.
    const backend = await serving(
      t,
      refusing(answer, (socket) => delivered(socket, PATIENCE_MS))
    )
    const balancer = await startBalancer(t, [backend])
    const client = await RawClient.open(t, balancer.port)
    client.socket.pause()
    upload(client, 'length')
    await sleep(300)
    client.socket.resume()
    const response = await client.response({ timeoutMs: PATIENCE_MS })
    t.equal(statusOf(response), 400)
    t.ok(response.body.equals(much), `${response.body.length} bytes`)
    await checkBlameless(t, balancer)
  })
}

test('an answer without a length is whole if the connection ended behind it, and cut off if it was reset', async (t) => {
  const head = 'HTTP/1.1 413 Content Too Large\r\n\r\n'
  let end: (socket: Socket) => void = () => {}
  const backend = await serving(t, (socket) => {
    socket.allowHalfOpen = true
    socket.once('data', () => {
      socket.pause()
      socket.write(`${head}too large`, () => end(socket))
    })
  })
  const balancer = await startBalancer(t, [backend])
  const ways: [string, (socket: Socket) => void, boolean][] = [
    ['FIN', (socket) => void socket.end(), true],
    ['FIN, then a reset', (socket) => void socket.end(() => socket.destroy()), true],
    ['reset', (socket) => void socket.resetAndDestroy(), false]
  ]
  for (const [name, way, isWhole] of ways) {
    end = way
    for (let i = 0; i < TIMES; i++) {
      const client = await RawClient.open(t, balancer.port)
      // The last bytes and the reset may be read together.
      if (i % 2 === 0) upload(client, 'length')
      else client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      const text = () => client.received.toString('latin1')
      const hasEnd = () => text().endsWith('\r\n0\r\n\r\n')
      await eventually(() => hasEnd() || client.closed, PATIENCE_MS)
      t.match(text(), 'HTTP/1.1 413 Content Too Large', name)
      t.equal(hasEnd(), isWhole, `${name}: ${text().slice(-30)}`)
      client.abort()
    }
  }
})

const LIMIT = { LB_MAX_BODY_SIZE: '1000' }
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const post = (framing: string, body = '', ...fields: string[]) =>
  ['POST / HTTP/1.1', 'Host: x', framing, ...fields, '', body].join('\r\n')
const chunk = (size: number) => `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`
const codeOf = ({ body }: Message) => JSON.parse(`${body}`).code

test('a body of the largest size passes, in every framing', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], LIMIT)
  for (const sent of [
    post('Content-Length: 1000', 'x'.repeat(1000)),
    post('Transfer-Encoding: chunked', `${chunk(1000)}0\r\n\r\n`),
    post('Transfer-Encoding: chunked', `${chunk(400)}${chunk(600)}0\r\n\r\n`)
  ]) {
    t.equal(statusOf(await exchange(t, port, sent)), 200)
    t.equal(backend.requests.at(-1)!.body.length, 1000)
  }
})

test('a body that says that it is larger is refused before any of it is sent, or passed on', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], LIMIT)
  for (const [what, sent] of [
    ['which waits', post('Content-Length: 1001', '', 'Expect: 100-continue')],
    ['which does not come', post('Content-Length: 1001')],
    ['which comes whole', post('Content-Length: 1001', 'x'.repeat(1001))],
    ['with a request in it', post('Content-Length: 1001', GET.repeat(40))],
    ['which is too large to count', post('Content-Length: 999999999999999', 'x')],
    ['which comes in bulk', post('Content-Length: 8000000', 'x'.repeat(8_000_000))]
  ] as const) {
    const client = await RawClient.open(t, balancer.port)
    client.send(sent)
    const response = await client.next()
    t.equal(statusOf(response), 413, what)
    t.equal(codeOf(response), 'LB_BODY_TOO_LARGE')
    t.equal(fieldValue(response.fields, 'connection'), 'close')
    client.socket.end()
    await t.resolves(client.untilClosed(3000))
    t.equal(client.received.length, 0, 'one answer, and no more')
  }
  t.equal(backend.connections, 0)
  t.match(balancer.stats(), { requests: { failed: 0, inFlight: 0 }, backends: [{ total: 0 }] })
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 200)
})

test('chunks are cut off when they exceed the limit, and what has come of them is no request', async (t) => {
  const bodies: number[] = []
  const closed: boolean[] = []
  const backend = await serving(t, (socket: Socket) => {
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes
    })
    socket.on('close', () => {
      bodies.push(text.split('x').length - 1)
      closed.push(text.endsWith('0\r\n\r\n'))
    })
  })
  const balancer = await startBalancer(t, [backend], LIMIT)
  const cases = [
    ['at once', [chunk(1001)]],
    ['little by little', Array(12).fill(chunk(100))],
    ['with its end', [`${chunk(600)}${chunk(600)}0\r\n\r\n`]],
    ['and goes on', [chunk(2000), ...Array(40).fill(chunk(60_000))]]
  ] as const
  for (const [what, parts] of cases) {
    const client = await RawClient.open(t, balancer.port)
    client.send(post('Transfer-Encoding: chunked'))
    for (const part of parts) {
      client.send(part)
      if (what === 'little by little') await sleep(5)
    }
    const response = await client.response()
    t.equal(statusOf(response), 413, what)
    t.equal(codeOf(response), 'LB_BODY_TOO_LARGE')
    t.equal(fieldValue(response.fields, 'connection'), 'close')
    client.socket.end()
    await t.resolves(client.untilClosed(3000))
    t.equal(client.received.length, 0, 'one answer, and no more')
  }
  await eventually(() => closed.length === cases.length)
  t.ok(Math.max(...bodies) < 150_000, `backends got ${bodies} bytes`)
  t.same(closed, Array(cases.length).fill(false), 'no backend takes a part for the whole')
  t.match(balancer.stats(), { requests: { failed: 0 }, backends: [{ failed: 0 }] })
  t.same(inFlight(balancer), [0, 0])
})

test('a response that has begun is cut off when its request exceeds the limit', async (t) => {
  const backend = await serving(t, (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'))
  })
  const { port } = await startBalancer(t, [backend], LIMIT)
  const client = await RawClient.open(t, port)
  client.send(post('Transfer-Encoding: chunked', chunk(10)))
  await client.until((text) => text.endsWith('hello'))
  client.send(chunk(1000))
  await t.resolves(client.untilClosed(3000))
  t.ok(client.received.toString().endsWith('hello'), 'nothing is added to it')
})

test('without a limit all passes', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const sent = post('Transfer-Encoding: chunked', `${chunk(3_000_000)}0\r\n\r\n`)
  t.equal(statusOf(await exchange(t, port, sent)), 200)
  t.equal(backend.requests[0]!.body.length, 3_000_000)
})
