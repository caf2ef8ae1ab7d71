import { METHODS } from 'node:http'
import { startBalancer, test } from '../helper.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const TARGETS = [
  '/',
  '//a',
  '//evil.example/x',
  '/a//b///',
  '/a/../b',
  '/a/./b',
  '/..',
  '/a/%2e%2e/b',
  '/%zz',
  '/%',
  '/%2F%2f',
  '/%00',
  '/a?b?c',
  '/?',
  '/a?',
  '/?a?b',
  '/;a=b;c',
  '/a;b?c;d&e=%zz',
  '/a\\b|^[]{}"<>`',
  "/~user/!$&'()*+,;=:@-._",
  '/a?url=http://x/y',
  '/__lb',
  '/__LB/stats',
  '/'.padEnd(8000, 'long'),
  `/?${'q='.repeat(3999)}`
]

test('a target arrives byte for byte', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  for (const target of TARGETS) {
    t.equal(statusOf(await exchange(t, port, `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)), 200)
    t.equal(backend.requests.at(-1)!.startLine, `GET ${target} HTTP/1.1`)
  }
  t.equal(backend.requests.length, TARGETS.length, 'one request each')
})

test('absolute form loses scheme and authority, and nothing else', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const forms = [
    ['http://example.com', '/'],
    ['http://example.com/a/../b?c', '/a/../b?c'],
    ['HTTP://example.com//x', '//x'],
    ['http://example.com?q', '/?q'],
    ['http://example.com/__lb/stats', '/__lb/stats']
  ] as const
  for (const [sent, wanted] of forms) {
    await exchange(t, port, `GET ${sent} HTTP/1.1\r\nHost: example.com\r\n\r\n`)
    t.equal(backend.requests.at(-1)!.startLine, `GET ${wanted} HTTP/1.1`, sent)
  }
})

test('every method that Node reads arrives as it is', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  for (const method of METHODS) {
    if (method === 'CONNECT' || method === 'HEAD') continue
    const response = await exchange(t, port, `${method} /m HTTP/1.1\r\nHost: x\r\n\r\n`)
    t.equal(statusOf(response), 200, method)
    t.equal(backend.requests.at(-1)!.startLine, `${method} /m HTTP/1.1`)
  }
})

test('a request line that Node does not read is refused', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  for (const line of ['GET /caf\u00e9 HTTP/1.1', 'GET /a b HTTP/1.1', 'GET pot HTTP/1.1']) {
    t.equal(statusOf(await exchange(t, port, `${line}\r\nHost: x\r\n\r\n`)), 400, line)
  }
  t.equal(backend.requests.length, 0)
})

test('pipelined requests are answered in their order', async (t) => {
  const backend = await scripted(t, ({ startLine }, socket) => {
    const path = startLine.split(' ')[1]!
    const answer = () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`)
    // The first takes longest.
    setTimeout(answer, 60 - 20 * Number(path.slice(1)))
  })
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
  client.send(request('/1') + request('/2') + request('/3'))
  for (const path of ['/1', '/2', '/3']) t.equal((await client.response()).body.toString(), path)
  t.equal(backend.connections, 3, 'they were worked on at the same time')
})

test('a connection is kept for the next request, on both sides', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  for (let i = 0; i < 5; i++) {
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    t.equal(statusOf(await client.response()), 200)
  }
  t.equal(backend.connections, 1)
})
