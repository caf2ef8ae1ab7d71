import { sleep, test } from '../helper.js'
import type { Script } from '../support/raw-backend.js'
import { fieldValue, statusOf } from '../support/wire.js'
import { openStage } from './harness.js'

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const post = (path: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`
const chunked = (path: string) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`

/** Answers with the target, `/slow` after a while. */
const telling: Script = async ({ startLine, body }, socket) => {
  const answer = `${startLine.split(' ')[1]} ${body}`
  if (answer.startsWith('/slow')) await sleep(60)
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`)
}

const ROWS: readonly [name: string, requests: readonly string[], answers: readonly string[]][] = [
  ['three of GET', [get('/1'), get('/2'), get('/3')], ['/1 ', '/2 ', '/3 ']],
  ['the first is slow', [get('/slow'), get('/2'), get('/3')], ['/slow ', '/2 ', '/3 ']],
  ['the second is slow', [get('/1'), get('/slow'), get('/3')], ['/1 ', '/slow ', '/3 ']],
  ['a POST between', [get('/1'), post('/2'), get('/3')], ['/1 ', '/2 hello', '/3 ']],
  ['a POST in chunks between', [get('/1'), chunked('/2'), get('/3')], ['/1 ', '/2 hello', '/3 ']],
  ['a slow POST first', [post('/slow'), get('/2'), post('/3')], ['/slow hello', '/2 ', '/3 hello']],
  ['blank lines between', [`\r\n${get('/1')}`, `\r\n${get('/2')}`], ['/1 ', '/2 ']],
  [
    'twenty',
    Array.from({ length: 20 }, (_, i) => get(`/${i}`)),
    Array.from({ length: 20 }, (_, i) => `/${i} `)
  ]
]

test('requests sent at once are answered in their order', async (t) => {
  const stage = await openStage(t)
  stage.act = telling
  for (const [name, requests, answers] of ROWS) {
    const client = await stage.client()
    client.send(requests.join(''))
    const got: string[] = []
    for (const _ of answers) got.push(`${(await client.response()).body}`)
    t.same(got, answers, `${name} (RFC 9112, 9.3.2)`)
    t.equal(client.received.length, 0)
    client.socket.destroy()
  }
})

test('requests may come in any parts', async (t) => {
  const stage = await openStage(t)
  stage.act = telling
  const client = await stage.client()
  for (const byte of get('/1') + chunked('/2')) {
    client.send(byte)
    await sleep(0)
  }
  t.equal(`${(await client.response()).body}`, '/1 ', 'RFC 9112, 2.2')
  t.equal(`${(await client.response()).body}`, '/2 hello', 'RFC 9112, 2.2')
})

test('blank lines before a request do not count', async (t) => {
  const stage = await openStage(t)
  for (const lines of ['\r\n', '\r\n\r\n'])
    t.equal(statusOf((await stage.ask(lines + get('/'))).response), 200, 'RFC 9112, 2.2')
})

test('a connection is kept, or closed when the client wants it so', async (t) => {
  const stage = await openStage(t)
  const client = await stage.client()
  for (let i = 0; i < 3; i++) {
    client.send(get('/'))
    t.equal(statusOf(await client.response()), 200, 'RFC 9112, 9.3')
  }
  client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, CLOSE\r\n\r\n')
  t.equal(fieldValue((await client.response()).fields, 'connection'), 'close', 'RFC 9112, 9.6')
  await client.untilClosed()
  t.equal(stage.backend.connections, 1, 'which is not the business of the backend')
})

test('what follows a request that closes is not served', async (t) => {
  const stage = await openStage(t)
  const client = await stage.client()
  client.send(`GET /1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n${get('/2')}`)
  t.equal(statusOf(await client.response()), 200)
  await client.untilClosed()
  t.equal(client.received.length, 0, 'RFC 9112, 9.6')
  t.same(
    stage.requests.map(({ startLine }) => startLine),
    ['GET /1 HTTP/1.1'],
    'RFC 9112, 9.6'
  )
})

test('nothing behind a broken request is served', async (t) => {
  const stage = await openStage(t)
  stage.act = telling
  for (const broken of ['no request\r\n\r\n', 'GET /2 HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n']) {
    stage.requests.length = 0
    const client = await stage.client()
    client.send(get('/1') + broken + get('/3'))
    await client.untilClosed()
    const text = client.received.toString('latin1')
    t.notMatch(text, /\/3 /, 'RFC 9112, 2.2')
    t.ok(!text.includes('HTTP/1.1 400') || text.indexOf('/1 ') < text.indexOf('HTTP/1.1 400'), 'in order')
    t.ok(stage.requests.every(({ startLine }) => startLine === 'GET /1 HTTP/1.1'))
  }
})

test('a failure is in its place among the answers', async (t) => {
  const stage = await openStage(t)
  stage.act = (request, socket) =>
    request.startLine.includes('/bad') ? void socket.end('garbage\r\n\r\n') : telling(request, socket)
  const client = await stage.client()
  client.send(get('/slow') + get('/bad') + get('/3'))
  const statuses = []
  for (let i = 0; i < 3; i++) statuses.push(statusOf(await client.response()))
  t.same(statuses, [200, 502, 200], 'RFC 9112, 9.3.2')
})

const BROKEN: Record<string, string> = {
  length: 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello',
  chunks: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello'
}

for (const [framing, bytes] of Object.entries(BROKEN)) {
  test(`a response by ${framing} that breaks before its turn ends the connection after the one before`, async (t) => {
    const stage = await openStage(t)
    stage.act = (request, socket) =>
      request.startLine.includes('/broken') ? void socket.end(bytes) : telling(request, socket)
    const client = await stage.client()
    client.send(get('/slow') + get('/broken') + get('/3'))
    t.equal(`${(await client.response()).body}`, '/slow ', 'RFC 9112, 9.3.2')
    await client.untilClosed()
    t.notMatch(client.received.toString('latin1'), /\/3 |\r\n0\r\n/, 'RFC 9112, 8')
  })
}
