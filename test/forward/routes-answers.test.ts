import { test } from '../helper.js'
import { Http2Client } from '../support/http2-client.js'
import { startWithRoute } from '../support/one-route.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { everywhere, forHttp2 } from '../support/secure-ports.js'
import { fieldValue, statusOf } from '../support/wire.js'

// Answers that a route gives in place of a backend

const WAYS = ['auto', 'routed', 'off']
const SCHEME = everywhere.client ? 'https' : 'http'
const request = (target: string, ...lines: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: a.test:8080', ...lines, '', ''].join('\r\n')

test('a redirect names scheme, host and target, and the connection goes on', async (t) => {
  const backend = await scripted(t, answering(OK))
  const route = { redirect: { host: 'b.test', status: 308 }, paths: 'lenient' }
  for (const way of WAYS) {
    const { port } = await startWithRoute(t, [backend], route, { LB_LANE: way })
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
  const secure = request('/x', 'X-Forwarded-Proto: https')
  for (const [trusted, scheme] of [
    ['127.0.0.1', 'https'],
    ['', SCHEME]
  ] as const) {
    const route = { redirect: { port: 81 } }
    const { port } = await startWithRoute(t, [backend], route, { LB_TRUSTED_PROXIES: trusted })
    const answer = await exchange(t, port, secure)
    t.same([statusOf(answer), fieldValue(answer.fields, 'location')], [302, `${scheme}://a.test:81/x`])
  }
})

test('a client that names no host, and OPTIONS of the server itself, are sent nowhere', async (t) => {
  const backend = await scripted(t, answering(OK))
  const route = { redirect: { scheme: 'https', status: 301 } }
  const { port } = await startWithRoute(t, [backend], route)
  for (const bytes of ['GET / HTTP/1.0\r\n\r\n', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'])
    t.equal(statusOf(await exchange(t, port, bytes)), 400)
})

test('over HTTP/2 a client is sent to another place the same way', async (t) => {
  const backend = await scripted(t, answering(OK))
  const route = { redirect: { host: 'b.test' } }
  const { port } = await startWithRoute(t, [backend], route, forHttp2())
  const client = await Http2Client.open(t, port)
  const { status, headers, body } = await client.ask({ ':path': '/x', ':method': 'POST' }, 'body')
  t.same([status, headers.location, body], [307, `${SCHEME}://b.test/x`, ''])
})

test('a fixed response is sent byte for byte, without its body to a HEAD', async (t) => {
  const backend = await scripted(t, answering(OK))
  const route = {
    respond: { status: 503, headers: { 'Content-Type': 'text/html' }, body: '<p>Später' },
    'response-headers': { add: { 'X-Frame-Options': 'DENY' } }
  }
  for (const way of WAYS) {
    const { port } = await startWithRoute(t, [backend], route, { ...forHttp2(), LB_LANE: way })
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
  const route = { respond: { status: 204 } }
  for (const way of WAYS) {
    const { port } = await startWithRoute(t, [backend], route, { LB_LANE: way })
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
  for (const [status, grpc] of [
    [401, '16'],
    [503, '14'],
    [418, '13']
  ] as const) {
    const route = { respond: { status, body: 'Not now\n' } }
    const { port } = await startWithRoute(t, [backend], route, forHttp2())
    const client = await Http2Client.open(t, port)
    const { status: ofHttp, headers } = await client.ask(call, 'x')
    t.same([ofHttp, headers['grpc-status'], headers['grpc-message']], [200, grpc, 'Not now'])
  }
})
