import { METHODS } from 'node:http'
import { connect } from 'node:net'
import type { Test } from 'tap'
import { atEnd, eventually, startBalancer, test } from '../helper.js'
import { answering, OK, scripted, serving } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { type Field, fieldValues, type Message, readMessage, statusOf } from '../support/wire.js'

// Trusted proxies

const request = (target: string, ...fields: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: a.test', ...fields, '', ''].join('\r\n')
const FORWARDING = /^(?:x-forwarded-|forwarded|x-real-ip)/i

/** The response to what `address` sends. */
async function askFrom(t: Test, port: number, address: string, sent: string): Promise<Message> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: address })
  atEnd(t, () => socket.destroy())
  let bytes = Buffer.alloc(0)
  let response: Message | undefined
  socket.on('data', (more) => {
    bytes = Buffer.concat([bytes, more])
    response = readMessage(bytes, { kind: 'response' })
  })
  socket.write(sent)
  await eventually(() => response)
  socket.destroy()
  return response!
}

const SAID = [
  'X-Forwarded-For: 6.6.6.6, 7.7.7.7',
  'x-forwarded-proto: https',
  'X-Forwarded-Host: www.test',
  'X-FORWARDED-PORT: 443',
  'X-Forwarded-Prefix: /app',
  'X-Real-IP: 6.6.6.6',
  'Forwarded: for=6.6.6.6;proto=https'
]
const KEPT: Field[] = [
  ['X-Forwarded-Prefix', '/app'],
  ['X-Real-IP', '6.6.6.6']
]
const sorted = (fields: readonly Field[]) => [...fields].sort(([a], [b]) => a.localeCompare(b))

test('what a trusted proxy says goes on with its own address added, and what others say does not', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], {
    LB_TRUSTED_PROXIES: '127.0.0.8/29, 2001:db8::/32',
    LB_FORWARDED: 'true'
  })
  const continued = (address: string): Field[] => [
    ['X-Forwarded-For', `6.6.6.6, 7.7.7.7, ${address}`],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Host', 'www.test'],
    ['X-Forwarded-Port', '443'],
    ['Forwarded', `for=6.6.6.6;proto=https, for=${address};host="a.test";proto=http`]
  ]
  const own = (address: string): Field[] => [
    ['X-Forwarded-For', address],
    ['X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Host', 'a.test'],
    ['X-Forwarded-Port', `${port}`],
    ['Forwarded', `for=${address};host="a.test";proto=http`]
  ]
  for (const [address, said, wanted] of [
    ['127.0.0.8', SAID, [...continued('127.0.0.8'), ...KEPT]],
    ['127.0.0.15', SAID, [...continued('127.0.0.15'), ...KEPT]],
    ['127.0.0.8', [], own('127.0.0.8')],
    ['127.0.0.7', SAID, own('127.0.0.7')],
    ['127.0.0.16', SAID, own('127.0.0.16')],
    ['127.0.0.1', SAID, own('127.0.0.1')]
  ] as const) {
    t.equal(statusOf(await askFrom(t, port, address, request('/', ...said))), 200)
    const got = backend.requests.at(-1)!.fields.filter(([name]) => FORWARDING.test(name))
    t.same(sorted(got), sorted(wanted), `${address} ${said.length}`)
  }
})

test('a connection is judged by where it comes from, not by what it says', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], {
    LB_TRUSTED_PROXIES: '127.0.0.8',
    LB_ADMIN_ALLOW: '6.6.6.6 127.0.0.9'
  })
  const asked = request('/__lb/stats', ...SAID).replace('a.test', 'localhost')
  for (const [address, status] of [
    ['127.0.0.8', 404],
    ['127.0.0.9', 200]
  ] as const)
    t.equal(statusOf(await askFrom(t, port, address, asked)), status)
})

test('a trusted proxy cannot have fields removed by naming them in Connection', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_TRUSTED_PROXIES: '127.0.0.0/8' })
  const named =
    'Connection: X-Forwarded-For, Forwarded, X-Forwarded-Proto, Via, X-Real-IP, X-Forwarded-Prefix'
  const said = [
    'X-Forwarded-For: 6.6.6.6',
    'Via: 1.1 front',
    'X-Real-IP: 6.6.6.6',
    'X-Forwarded-Prefix: /app'
  ]
  await exchange(t, port, request('/', named, ...said))
  const { fields } = backend.requests[0]!
  t.same(
    [fieldValues(fields, 'x-real-ip'), fieldValues(fields, 'x-forwarded-prefix')],
    [['6.6.6.6'], ['/app']]
  )
  t.same(fieldValues(fields, 'x-forwarded-for'), ['6.6.6.6, 127.0.0.1'])
  t.same(fieldValues(fields, 'via'), ['1.1 front', '1.1 fairlead'])
})

/** A balancer whose backend is itself. */
async function circle(t: Test) {
  let port = 0
  const backend = await serving(t, (socket) => {
    const onwards = connect(port, '127.0.0.1')
    onwards.on('error', () => {}).on('close', () => socket.destroy())
    socket.on('close', () => onwards.destroy())
    socket.pipe(onwards).pipe(socket)
  })
  const balancer = await startBalancer(t, [backend])
  port = balancer.port
  return balancer
}

for (const [name, ...fields] of [
  ['a request'],
  ['an upgrade', 'Connection: Upgrade', 'Upgrade: test'],
  ['a request that has come by others too', 'Via: 1.0 a, 1.1 b', 'Via: HTTP/1.1 c (comment)']
] as const) {
  test(`${name} that goes in circles is stopped`, async (t) => {
    const { port, stats } = await circle(t)
    const response = await exchange(t, port, request('/', ...fields))
    t.equal(statusOf(response), 508)
    t.equal(JSON.parse(`${response.body}`).code, 'LB_LOOP')
    t.match(stats(), { requests: { failed: 0 }, backends: [{ total: 8, failed: 0 }] })
  })
}

test('an upload that goes in circles is stopped, too', async (t) => {
  const { port, stats } = await circle(t)
  const body = 'x'.repeat(500_000)
  const sent = `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  t.equal(statusOf(await exchange(t, port, sent)), 508)
  t.equal(stats().backends[0]!.total, 8)
})

// Target

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
