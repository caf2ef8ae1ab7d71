import { startRoutes, test } from '../helper.js'
import { LogFile } from '../support/access-log.js'
import { http2Backend } from '../support/http2-backend.js'
import { Http2Client } from '../support/http2-client.js'
import { startWithRoute } from '../support/one-route.js'
import { answering, OK, refusing, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { forHttp2 } from '../support/secure-ports.js'
import { upgrade } from '../support/tunnel.js'
import { fieldValue, fieldValues, type Message, statusOf } from '../support/wire.js'

// Error pages of a route

const WAYS = ['auto', 'routed', 'off']
const HTML = '<p>Später'
const JSON_BODY = '{"error":"später"}'
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
const PAGES = { status: '400-599', html: HTML, json: JSON_BODY }

const get = (accept?: string, method = 'GET') =>
  [`${method} / HTTP/1.1`, 'Host: x', ...(accept === undefined ? [] : [`Accept: ${accept}`]), '', ''].join(
    '\r\n'
  )
const typeOf = ({ fields }: Message) => fieldValue(fields, 'content-type')
const lengthOf = ({ fields }: Message) => Number(fieldValue(fields, 'content-length'))

test('the answers of the balancer have the page that the client prefers', async (t) => {
  const gone = await refusing(t)
  const log = new LogFile(t)
  const env = { LB_OUTAGE_TIMEOUT: '0', LB_RETRIES: '0', LB_ACCESS_LOG: 'all', LB_ACCESS_LOG_FILE: log.file }
  for (const way of WAYS) {
    const { port } = await startWithRoute(t, [gone], { errors: [PAGES] }, { ...env, LB_LANE: way })
    for (const [accept, isHtml] of [
      [undefined, false],
      ['*/*', false],
      ['image/png', false],
      [BROWSER, true],
      ['text/*', true],
      ['application/json;q=0.5, text/html;q=0.4', false],
      ['application/json;q=0.4, text/html;q=0.5', true],
      ['text/html;q=0', false]
    ] as const) {
      const answer = await exchange(t, port, get(accept))
      t.equal(statusOf(answer), 502)
      t.same(
        [`${answer.body}`, typeOf(answer)],
        [isHtml ? HTML : JSON_BODY, `${isHtml ? 'text/html' : 'application/json'}; charset=utf-8`]
      )
      t.equal(fieldValue(answer.fields, 'vary'), 'Accept')
    }
    const head = await exchange(t, port, get('text/html', 'HEAD'), { head: true })
    t.same([statusOf(head), lengthOf(head)], [502, Buffer.byteLength(HTML)])
  }
  const entries = await log.entries(9)
  t.same(
    [entries[0]!.bytesOut, entries[3]!.bytesOut, entries[8]!.bytesOut],
    [Buffer.byteLength(JSON_BODY), Buffer.byteLength(HTML), 0]
  )
})

test('without a page of the type that is preferred an answer stays as it was', async (t) => {
  const gone = await refusing(t)
  const route = { errors: [{ status: '502', html: HTML }] }
  const { port } = await startWithRoute(t, [gone], route, { LB_OUTAGE_TIMEOUT: '0', LB_RETRIES: '0' })
  t.equal(`${(await exchange(t, port, get(BROWSER))).body}`, HTML)
  t.equal(JSON.parse(`${(await exchange(t, port, get())).body}`).code, 'LB_BACKEND_UNREACHABLE')
})

test('of the pages for a status the first counts, and others have none', async (t) => {
  const pages = [
    { status: '503', json: '{"n":1}' },
    { status: '500-599', json: '{"n":2}' }
  ]
  const web = await scripted(t, answering(OK))
  const { port } = await startRoutes(
    t,
    {
      pools: { web: { backends: [web.address] } },
      routes: [
        { match: { path: '/denied' }, pool: 'web', deny: ['127.0.0.1'], errors: pages },
        {
          match: { path: '/503' },
          split: [{ pool: 'web' }],
          deny: ['127.0.0.1'],
          errors: [{ status: '403', json: '3' }]
        },
        { pool: 'web' }
      ]
    },
    {}
  )
  const at = (path: string) => exchange(t, port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  t.equal(JSON.parse(`${(await at('/denied')).body}`).code, 'LB_DENIED')
  t.equal(`${(await at('/503')).body}`, '3')
})

test('answers of backends are left alone, unless the route says otherwise', async (t) => {
  const failing = await scripted(t, answering('HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops'))
  const { port } = await startWithRoute(t, [failing], { errors: [PAGES] })
  t.equal(`${(await exchange(t, port, get(BROWSER))).body}`, 'oops')
})

test('a page takes the place of what a backend has answered, however that comes, and its connection goes on', async (t) => {
  const head = (lines: string) =>
    `HTTP/1.1 404 Gone Fishing\r\n${lines}ETag: "1"\r\nCache-Control: max-age=9\r\nContent-Encoding: gzip\r\nX-Kept: 1\r\nSet-Cookie: a=1\r\n`
  const bodies = [
    `${head('Content-Length: 4\r\nContent-Type: text/odd\r\n')}\r\noops`,
    `${head('Transfer-Encoding: chunked\r\n')}\r\n4\r\noops\r\n0\r\nX-Trailer: 1\r\n\r\n`,
    `${head('Content-Length: 0\r\n')}\r\n`
  ]
  let next = 0
  const backend = await scripted(t, (_request, socket) => void socket.write(bodies[next++ % bodies.length]!))
  const route = { errors: [{ ...PAGES, 'of-backends': true }] }
  for (const way of WAYS) {
    const { port } = await startWithRoute(t, [backend], route, { LB_LANE: way })
    const before = backend.connections
    const client = await RawClient.open(t, port)
    for (const _ of bodies) {
      client.send(get(BROWSER))
      const answer = await client.response()
      t.same([answer.startLine, `${answer.body}`], ['HTTP/1.1 404 Gone Fishing', HTML], way)
      t.same([answer.framing, typeOf(answer)], ['length', 'text/html; charset=utf-8'])
      const names = ['etag', 'cache-control', 'content-encoding', 'x-kept', 'set-cookie']
      t.same(
        names.map((name) => fieldValues(answer.fields, name)),
        [[], [], [], ['1'], ['a=1']]
      )
    }
    client.send(get(BROWSER, 'HEAD'))
    next++
    const { fields, body } = await client.response({ head: true })
    t.same([fieldValue(fields, 'content-length'), `${body}`], [`${Buffer.byteLength(HTML)}`, ''])
    client.socket.destroy()
    // The body of the answer to HEAD, which is none, ends the connection.
    t.equal(backend.connections - before, 1)
    next = 0
  }
})

test('an answer that goes on and on, or breaks, costs the client nothing', async (t) => {
  const starts = ['HTTP/1.1 500 x\r\nContent-Length: 1000000\r\n\r\noops', 'HTTP/1.1 500 x\r\n\r\noops']
  for (const end of ['flood', 'silence', 'break'])
    for (const start of starts) {
      const backend = await scripted(t, (_request, socket) => {
        socket.write(start)
        if (end === 'flood') socket.write(Buffer.alloc(200_000, 'x'))
        if (end === 'break') setTimeout(() => socket.destroy(), 20)
      })
      const route = { errors: [{ ...PAGES, 'of-backends': true }] }
      const { port } = await startWithRoute(t, [backend], route)
      const client = await RawClient.open(t, port)
      for (const _ of [1, 2]) {
        client.send(get(BROWSER))
        t.equal(`${(await client.response()).body}`, HTML, `${end}: ${start}`)
      }
      client.socket.destroy()
    }
})

test('over HTTP/2 at both ends it is the same, but for calls of gRPC', async (t) => {
  const backend = await http2Backend(t, ({ stream }) => {
    stream.respond({ ':status': 503, etag: '"1"', 'x-kept': '1' })
    stream.end('oops')
  })
  const route = { errors: [{ ...PAGES, 'of-backends': true }] }
  const { port } = await startWithRoute(t, [backend], route, forHttp2())
  const client = await Http2Client.open(t, port)
  const { status, headers, body, code } = await client.ask({ ':path': '/', accept: BROWSER })
  t.same([status, code, Buffer.from(body, 'latin1').toString()], [503, 0, HTML])
  t.same(
    [headers.etag, headers['x-kept'], headers['content-length']],
    [undefined, '1', `${Buffer.byteLength(HTML)}`]
  )
  const call = { ':path': '/', ':method': 'POST', 'content-type': 'application/grpc' }
  t.equal((await client.ask(call, 'x')).body, 'oops')
  const gone = await refusing(t)
  const env = { ...forHttp2(), LB_OUTAGE_TIMEOUT: '0', LB_RETRIES: '0' }
  const failing = await Http2Client.open(t, (await startWithRoute(t, [gone], route, env)).port)
  t.equal((await failing.ask({ ':path': '/', accept: BROWSER })).body, Buffer.from(HTML).toString('latin1'))
  t.match((await failing.ask(call, 'x')).headers, { 'grpc-status': '14' })
})

test('a change of protocol that a backend refuses, and a body that is too large, get their pages', async (t) => {
  const backend = await scripted(t, answering('HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nnope'))
  const route = { errors: [{ ...PAGES, 'of-backends': true }], 'max-body-size': 5 }
  const { port } = await startWithRoute(t, [backend], route)
  const client = await RawClient.open(t, port)
  client.send(upgrade('/', `Accept: ${BROWSER}`) + get(BROWSER))
  for (const _ of [1, 2]) {
    const answer = await client.response()
    t.same([answer.startLine, `${answer.body}`], ['HTTP/1.1 403 No', HTML])
  }
  client.socket.destroy()
  const lines = ['POST / HTTP/1.1', 'Host: x', `Accept: ${BROWSER}`, 'Transfer-Encoding: chunked', '', '9']
  const refused = await exchange(t, port, `${lines.join('\r\n')}\r\n123456789\r\n0\r\n\r\n`)
  t.same([statusOf(refused), `${refused.body}`], [413, HTML])
})
