import { BlockList } from 'node:net'
import { startBalancer, test } from '../helper.js'
import { Http2Client } from '../support/http2-client.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { routeAll } from '../support/routed.js'
import { everywhere, forHttp2 } from '../support/secure-ports.js'
import { fieldValue, statusOf } from '../support/wire.js'

// Answers that a route gives in place of a backend

const WAYS = ['auto', 'routed', 'off']
const SCHEME = everywhere.client ? 'https' : 'http'
const ELSEWHERE = {
  kind: 'redirect',
  scheme: undefined,
  port: undefined,
  path: undefined,
  host: undefined
} as const

const request = (target: string, ...lines: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: a.test:8080', ...lines, '', ''].join('\r\n')

test('a redirect names scheme, host and target, and the connection goes on', async (t) => {
  const backend = await scripted(t, answering(OK))
  routeAll(t, {}, { action: { ...ELSEWHERE, statusCode: 308, host: 'b.test' } })
  for (const way of WAYS) {
    const { port } = await startBalancer(t, [backend], { LB_LANE: way })
    const client = await RawClient.open(t, port)
    for (const target of ['//c.test/x?y=1', '/a"b']) {
      client.send(request(target))
      const answer = await client.response()
      t.equal(statusOf(answer), 308)
      const { fields, body } = answer
      t.equal(fieldValue(fields, 'location'), `${SCHEME}://b.test:8080${target.replace('"', '%22')}`)
      t.same([fieldValue(fields, 'content-length'), `${body}`], ['0', ''])
    }
    client.socket.destroy()
  }
  t.equal(backend.requests.length, 0)
})

test('the scheme of a redirect is that of the client, by the word of a trusted proxy', async (t) => {
  const backend = await scripted(t, answering(OK))
  const proxies = new BlockList()
  proxies.addAddress('127.0.0.1')
  const secure = request('/x', 'X-Forwarded-Proto: https')
  for (const [trusted, scheme] of [
    [proxies, 'https'],
    [new BlockList(), SCHEME]
  ] as const) {
    routeAll(t, {}, { action: { ...ELSEWHERE, statusCode: undefined, port: 81 }, trusted })
    const { port } = await startBalancer(t, [backend])
    const answer = await exchange(t, port, secure)
    t.same([statusOf(answer), fieldValue(answer.fields, 'location')], [302, `${scheme}://a.test:81/x`])
  }
})

test('a client that names no host, and OPTIONS of the server itself, are sent nowhere', async (t) => {
  const backend = await scripted(t, answering(OK))
  routeAll(t, {}, { action: { ...ELSEWHERE, statusCode: 301, scheme: 'https' } })
  const { port } = await startBalancer(t, [backend])
  for (const bytes of ['GET / HTTP/1.0\r\n\r\n', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'])
    t.equal(statusOf(await exchange(t, port, bytes)), 400)
})

test('over HTTP/2 a client is sent to another place the same way', async (t) => {
  const backend = await scripted(t, answering(OK))
  routeAll(t, {}, { action: { ...ELSEWHERE, statusCode: undefined, host: 'b.test' } })
  const { port } = await startBalancer(t, [backend], forHttp2())
  const client = await Http2Client.open(t, port)
  const { status, headers, body } = await client.ask({ ':path': '/x', ':method': 'POST' }, 'body')
  t.same([status, headers.location, body], [307, `${SCHEME}://b.test/x`, ''])
})

test('a fixed response is sent byte for byte, without its body to a HEAD', async (t) => {
  const backend = await scripted(t, answering(OK))
  const headers = [['Content-Type', 'text/html'] as const]
  routeAll(
    t,
    { responseHeaders: { remove: [], set: [], add: [['X-Frame-Options', 'DENY']] } },
    { action: { kind: 'respond', statusCode: 503, headers, body: '<p>Später' } }
  )
  for (const way of WAYS) {
    const { port } = await startBalancer(t, [backend], { ...forHttp2(), LB_LANE: way })
    const answer = await exchange(t, port, request('/'))
    t.same([answer.startLine, `${answer.body}`], ['HTTP/1.1 503 Service Unavailable', '<p>Später'])
    for (const [name, value] of [
      ['content-type', 'text/html'],
      ['content-length', '10'],
      ['x-frame-options', 'DENY']
    ] as const)
      t.equal(fieldValue(answer.fields, name), value)
    const head = await exchange(t, port, 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n', { head: true })
    t.same([fieldValue(head.fields, 'content-length'), `${head.body}`], ['10', ''])
    const client = await Http2Client.open(t, port)
    const stream = await client.get('/')
    t.same([stream.status, Buffer.from(stream.body, 'latin1').toString()], [503, '<p>Später'])
    t.same([stream.headers['content-length'], stream.headers['x-frame-options']], ['10', 'DENY'])
    t.match(await client.ask({ ':path': '/', ':method': 'HEAD' }), { status: 503, body: '' })
  }
  t.equal(backend.requests.length, 0)
})

test('a fixed response without a body ends there, and a request with one is read past', async (t) => {
  const backend = await scripted(t, answering(OK))
  routeAll(t, {}, { action: { kind: 'respond', statusCode: 204, headers: [], body: '' } })
  for (const way of WAYS) {
    const { port } = await startBalancer(t, [backend], { LB_LANE: way })
    const client = await RawClient.open(t, port)
    client.send(request('/') + request('/'))
    for (const _ of [1, 2]) {
      const answer = await client.response()
      t.same([statusOf(answer), fieldValue(answer.fields, 'content-length')], [204, undefined])
    }
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello')
    t.equal(fieldValue((await client.response()).fields, 'connection'), 'close')
    await client.untilClosed()
  }
})

test('a call of gRPC learns of an error by its own status', async (t) => {
  const backend = await scripted(t, answering(OK))
  const call = { ':method': 'POST', ':path': '/s/m', 'content-type': 'application/grpc' }
  for (const [statusCode, grpc] of [
    [401, '16'],
    [503, '14'],
    [418, '13']
  ] as const) {
    routeAll(t, {}, { action: { kind: 'respond', statusCode, headers: [], body: 'Not now\n' } })
    const { port } = await startBalancer(t, [backend], forHttp2())
    const client = await Http2Client.open(t, port)
    const { status, headers } = await client.ask(call, 'x')
    t.same([status, headers['grpc-status'], headers['grpc-message']], [200, grpc, 'Not now'])
  }
})
