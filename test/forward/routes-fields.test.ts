import { test } from '../helper.js'
import { answering as answeringStreams, http2Backend } from '../support/http2-backend.js'
import { Http2Client } from '../support/http2-client.js'
import { startWithRoute } from '../support/one-route.js'
import { answering, OK, refusing, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { forHttp2 } from '../support/secure-ports.js'
import { echo, openTunnel, switching } from '../support/tunnel.js'
import { type Field, fieldValues, statusOf } from '../support/wire.js'

// Fields that a route changes

const WAYS = ['auto', 'routed', 'off']

const CHANGED = {
  'request-headers': {
    remove: ['X-Secret', 'cookie', 'X-Forwarded-Port'],
    set: { 'X-User': 'route', 'X-Forwarded-Proto': 'https' },
    add: { 'X-Via': 'é' }
  }
}

const request = (...lines: string[]) => ['GET / HTTP/1.1', 'Host: a.test', ...lines, '', ''].join('\r\n')
const valuesOf = (fields: readonly Field[], ...names: string[]) =>
  names.map((name) => fieldValues(fields, name))

test('fields of requests are removed, set and added, whatever reads the request', async (t) => {
  const backend = await scripted(t, answering(OK))
  for (const way of WAYS) {
    const { port } = await startWithRoute(t, [backend], CHANGED, { LB_LANE: way })
    const lines = [
      'X-Secret: 1',
      'Keep: 1',
      'x-user: a',
      'X_User: b',
      'COOKIE: c',
      'x-via: own',
      'X-Userx: 1'
    ]
    for (const more of [[], ['Via: 1.1 other']]) {
      await exchange(t, port, request(...lines, ...more))
      const { fields } = backend.requests.at(-1)!
      const names = ['x-secret', 'keep', 'x-user', 'x_user', 'cookie', 'x-via', 'x-userx', 'host']
      t.same(
        valuesOf(fields, ...names),
        [[], ['1'], ['route'], [], [], ['own', '\xc3\xa9'], ['1'], ['a.test']],
        way
      )
      t.same(valuesOf(fields, 'x-forwarded-proto', 'x-forwarded-port'), [['https'], []])
    }
  }
})

test('a body keeps its frame, whatever fields change', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startWithRoute(t, [backend], CHANGED)
  const start = 'POST / HTTP/1.1\r\nHost: a\r\nX-Secret: 1\r\n'
  await exchange(t, port, `${start}Content-Length: 5\r\n\r\nhello`)
  await exchange(t, port, `${start}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`)
  t.same(
    backend.requests.map(({ framing, body }) => [framing, `${body}`]),
    [
      ['length', 'hello'],
      ['chunked', 'hello']
    ]
  )
})

test('the host is rewritten, and the one that the client has named is told', async (t) => {
  const backend = await scripted(t, answering(OK))
  const route = { rewrite: { host: 'inner.test:81' } }
  for (const way of WAYS) {
    const { port } = await startWithRoute(t, [backend], route, { LB_LANE: way })
    await exchange(t, port, request())
    t.same(backend.requests.at(-1)!.fields[0], ['Host', 'inner.test:81'])
    t.same(valuesOf(backend.requests.at(-1)!.fields, 'host', 'x-forwarded-host'), [
      ['inner.test:81'],
      ['a.test']
    ])
    await exchange(t, port, 'GET / HTTP/1.0\r\n\r\n')
    t.same(valuesOf(backend.requests.at(-1)!.fields, 'host', 'x-forwarded-host'), [['inner.test:81'], []])
    await exchange(t, port, 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n')
    t.same(valuesOf(backend.requests.at(-1)!.fields, 'host', 'x-forwarded-host'), [
      ['inner.test:81'],
      ['a.test']
    ])
  }
})

test('over HTTP/2 at both ends the same fields change, and the authority is the host', async (t) => {
  const backend = await http2Backend(t, answeringStreams('ok', { 'x-powered-by': 'x', 'x-kept': '1' }))
  const route = {
    ...CHANGED,
    rewrite: { host: 'inner.test' },
    'response-headers': { remove: 'X-Powered-By', set: { 'X-Frame-Options': 'DENY' } }
  }
  const { port } = await startWithRoute(t, [backend], route, forHttp2())
  const client = await Http2Client.open(t, port)
  const { headers } = await client.ask({ ':path': '/', 'x-secret': '1', 'x-user': 'a', cookie: 'c' })
  const { ':authority': authority, ...seen } = backend.requests[0]!.headers
  t.equal(authority, 'inner.test')
  t.match(seen, { 'x-user': 'route', 'x-forwarded-host': 'a.test', 'x-forwarded-proto': 'https' })
  t.same([seen['x-secret'], seen.cookie, seen.host], [undefined, undefined, undefined])
  t.same([headers['x-frame-options'], headers['x-powered-by'], headers['x-kept']], ['DENY', undefined, '1'])
})

test('fields of responses are removed, set and added, and framing and trailers stay', async (t) => {
  const head = 'HTTP/1.1 200 Fine\r\nServer: x\r\nX-Two: 1\r\nx-two: 2\r\nTransfer-Encoding: chunked\r\n\r\n'
  const backend = await scripted(t, answering(`${head}2\r\nok\r\n0\r\nServer: y\r\n\r\n`))
  const route = {
    'response-headers': { remove: 'server', set: { 'X-Two': '3' }, add: { 'Set-Cookie': ['a=1', 'b=2'] } }
  }
  for (const way of WAYS) {
    const { port } = await startWithRoute(t, [backend], route, { LB_LANE: way })
    const answer = await exchange(t, port, request())
    t.equal(answer.startLine, 'HTTP/1.1 200 Fine')
    t.same(valuesOf(answer.fields, 'server', 'x-two', 'set-cookie'), [[], ['3'], ['a=1', 'b=2']], way)
    t.same([answer.framing, `${answer.body}`], ['chunked', 'ok'])
    t.same(answer.trailers, [['Server', 'y']])
  }
})

test('interim responses are left alone', async (t) => {
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
  const backend = await scripted(
    t,
    answering(`${early}HTTP/1.1 200 OK\r\nLink: </b>\r\nContent-Length: 0\r\n\r\n`)
  )
  const route = { 'response-headers': { remove: 'link' } }
  const { port } = await startWithRoute(t, [backend], route)
  const client = await RawClient.open(t, port)
  client.send(request())
  t.same(fieldValues((await client.next()).fields, 'link'), ['</a>'])
  t.same(fieldValues((await client.next()).fields, 'link'), [])
})

test('a tunnel opens with the fields changed in both directions', async (t) => {
  const backend = await switching(t, echo)
  const route = { ...CHANGED, 'response-headers': { set: { 'X-Seen': '1' } } }
  const balancer = await startWithRoute(t, [backend], route)
  const client = await openTunnel(t, balancer, '')
  t.same(valuesOf(backend.requests[0]!.fields, 'x-user', 'upgrade'), [['route'], ['test']])
  client.send('hello')
  await client.until((text) => text === 'hello')
  client.socket.destroy()
})

test('the fields are on the answers of the balancer as well, once each', async (t) => {
  const route = {
    'response-headers': {
      remove: 'Retry-After',
      set: { 'Content-Type': 'text/odd' },
      add: { 'X-Frame-Options': 'DENY' }
    }
  }
  const gone = await refusing(t)
  for (const way of WAYS) {
    const { port } = await startWithRoute(t, [gone], route, {
      LB_LANE: way,
      LB_OUTAGE_TIMEOUT: '0',
      LB_RETRIES: '0'
    })
    const answer = await exchange(t, port, request())
    t.equal(statusOf(answer), 502)
    t.same(valuesOf(answer.fields, 'content-type', 'x-frame-options'), [['text/odd'], ['DENY']])
    t.equal(JSON.parse(`${answer.body}`).code, 'LB_BACKEND_UNREACHABLE')
  }
  const { port, pools } = await startWithRoute(t, [gone], route, { LB_OUTAGE_TIMEOUT: '0' })
  const { registry } = pools()[0]!
  registry.setState(registry.backends[0]!, 'unhealthy', 'test')
  const unavailable = await exchange(t, port, request())
  t.equal(statusOf(unavailable), 503)
  t.same(valuesOf(unavailable.fields, 'retry-after', 'x-frame-options'), [[], ['DENY']])
  const http2 = await startWithRoute(t, [gone], route, {
    ...forHttp2(),
    LB_OUTAGE_TIMEOUT: '0',
    LB_RETRIES: '0'
  })
  const client = await Http2Client.open(t, http2.port)
  const { status, headers } = await client.get('/')
  t.same([status, headers['x-frame-options']], [502, 'DENY'])
})
