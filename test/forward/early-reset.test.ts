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
import { serving } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const TIMES = 6
const PATIENCE_MS = 20_000
const PART = Buffer.alloc(50_000, 'x')
const SIZE = 40 * PART.length
const TOO_LARGE = 'HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large'

/** Answers on the head of an upload alone, and closes with the rest unread, upon which the system resets the connection. */
function refusing(answer: string | Buffer) {
  return (socket: Socket) => {
    let head = ''
    socket.on('data', (bytes) => {
      head += bytes.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      socket.pause()
      socket.write(answer, () => socket.destroy())
    })
  }
}

/** Sends an upload, whatever becomes of it; the socket is read all the while. */
function upload(client: RawClient, framing: 'length' | 'chunked', method = 'POST'): void {
  const { socket } = client
  const isChunked = framing === 'chunked'
  const field = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${SIZE}`
  client.send(`${method} /up HTTP/1.1\r\nHost: x\r\n${field}\r\n\r\n`)
  let sent = 0
  const more = () => {
    while (sent < SIZE && !socket.destroyed) {
      if (isChunked) client.send(`${PART.length.toString(16)}\r\n`)
      sent += PART.length
      const isTaken = socket.write(PART)
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
    const backend = await serving(t, refusing(TOO_LARGE))
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
      refusing(TOO_LARGE)(socket)
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
  const backend = await serving(t, refusing(TOO_LARGE))
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
    stream.write(Buffer.alloc(SIZE))
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
    const backend = await serving(t, refusing(answer))
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
