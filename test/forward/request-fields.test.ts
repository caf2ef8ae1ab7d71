import { createServer } from 'node:http'
import { sleep, startBalancer, test, withoutChance } from '../helper.js'
import { LogFile } from '../support/access-log.js'
import { answering as answeringStreams, http2Backend } from '../support/http2-backend.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { listen } from '../support/listen.js'
import { pairs } from '../support/message.js'
import { answering, OK, type RawBackend, refusing, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { switching } from '../support/tunnel.js'
import { type Field, fieldValue, fieldValues, type Message, statusOf } from '../support/wire.js'

// Fields of a request

const request = (...lines: string[]) => ['GET / HTTP/1.1', ...lines, '', ''].join('\r\n')
const isAdded = ([name]: Field) => /^(x-forwarded-|x-request-id$|via$|forwarded$)/i.test(name)
const kept = (fields: readonly Field[]) => fields.filter((field) => !isAdded(field))

test('fields arrive with their order, case, duplicates and bytes', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const sent: Field[] = [
    ['X-Twice', 'one'],
    ['x-twice', 'two, three'],
    ['Cookie', 'a=1; b=2'],
    ['cOOkie', 'c="3"'],
    ['X-Empty', ''],
    ['X-Twice', 'one'],
    ['X-Latin', 'caf\u00e9 \u00ff\u0080'],
    ['X-Inner', 'a\t b  c'],
    ['X_Under.score', '1'],
    ["!#$%&'*+.^`|~", 'odd name'],
    ['Accept-Encoding', 'gzip'],
    ['Authorization', 'Basic Og=='],
    ['Content-Type', 'of nothing'],
    ['Trailer', 'X-Sum'],
    ['Max-Forwards', '1'],
    ['User-Agent', 'curl/8'],
    ['__proto__', 'x'],
    ['X-Long', 'v'.repeat(7000)]
  ]
  sent.splice(3, 0, ['hOST', 'Example.com:8080'])
  await exchange(t, port, request(...sent.map(([name, value]) => `${name}: ${value}`)))
  t.same(kept(backend.requests[0]!.fields), sent)
})

test('a head of thousands of fields arrives whole, and the body that it tells of', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_MAX_HEADERS: '5000' })
  const many = Array.from({ length: 3000 }, () => 'a:')
  const lines = ['POST / HTTP/1.1', 'Host: x', ...many, 'Content-Length: 5', 'Last: 1', '', 'hello']
  await exchange(t, port, lines.join('\r\n'))
  const [{ fields, body }] = backend.requests as [Message]
  t.equal(fieldValues(fields, 'a').length, many.length)
  t.equal(fieldValue(fields, 'last'), '1')
  t.equal(body.toString(), 'hello')
})

test('fields of the connection to the client go no further', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const removed = [
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'Proxy-Authorization: Basic Og==',
    'TE: trailers',
    'Upgrade: websocket',
    'HTTP2-Settings: x',
    'X-Named: 1',
    'X-Also-Named: 2',
    'Connection: keep-alive, X-Named, TE,, x-ALSO-named ,Host, Via, Content-Length'
  ]
  await exchange(t, port, request('Host: x', ...removed, 'Keep: this'))
  t.same(kept(backend.requests[0]!.fields), [
    ['Host', 'x'],
    ['Keep', 'this'],
    ['TE', 'trailers'],
    ['Connection', 'TE']
  ])
})

test('Connection may be there twice, and may not strip what the balancer adds', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const lines = [
    'Connection: X-One',
    'X-One: 1',
    'connection: close, X-Forwarded-For',
    'X-Two: 2',
    'Connection: x-two'
  ]
  await exchange(t, port, request('Host: x', ...lines))
  const { fields } = backend.requests[0]!
  t.same(kept(fields), [['Host', 'x']])
  t.equal(fieldValue(fields, 'x-forwarded-for'), '127.0.0.1')
})

test('the way of the request is told, and a client cannot forge it', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const forged = [
    'X-Forwarded-For: 6.6.6.6',
    'x-forwarded-for: 7.7.7.7',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Port: 1',
    'X-Real-IP: 6.6.6.6',
    'Forwarded: for=6.6.6.6',
    'Via: 1.0 fred'
  ]
  await exchange(t, port, request('Host: example.com:81', ...forged))
  const { fields } = backend.requests[0]!
  t.equal(fieldValue(fields, 'x-forwarded-for'), '127.0.0.1')
  t.equal(fieldValue(fields, 'x-forwarded-proto'), 'http')
  t.equal(fieldValue(fields, 'x-forwarded-host'), 'example.com:81')
  t.equal(fieldValue(fields, 'host'), 'example.com:81')
  t.same(fieldValues(fields, 'via'), ['1.0 fred', '1.1 fairlead'])
  t.equal(fieldValue(fields, 'x-forwarded-port'), `${port}`)
  for (const name of ['x-real-ip', 'forwarded']) t.same(fieldValues(fields, name), [], name)
})

test('nor by what a backend reads as the same variable, in head and trailers, over HTTP/1.1 and HTTP/2', async (t) => {
  const backend = await scripted(t, answering(OK))
  const http2 = await http2Backend(t, ({ stream }) => {
    stream.on('trailers', (_headers: unknown, _flags: number, raw: string[]) => trailers.push(...raw))
    stream.resume().on('end', () => {
      stream.respond({ ':status': 200 })
      stream.end('ok')
    })
  })
  const trailers: string[] = []
  const names = [
    'X_Forwarded_For',
    'x_real_ip',
    'X-Forwarded_Proto',
    'X.Forwarded.Host',
    'X_REQUEST_ID',
    'Proxy'
  ]
  const framing = ['Content_Length', 'Transfer_Encoding', 'Proxy_Authorization']
  const forged: Field[] = [...names, ...framing].map((name) => [name, '6'])
  const lines = [...forged, ['X_Other', '1']].map(([name, value]) => `${name}: ${value}`)
  const isForged = ([name]: Field) => forged.some(([other]) => other.toLowerCase() === name.toLowerCase())
  for (const LB_TRUSTED_PROXIES of ['', '127.0.0.1']) {
    const env = { LB_TRUSTED_PROXIES, LB_H2C: 'true' }
    const { port } = await startBalancer(t, [backend], env)
    const chunked = request('Host: x', 'Transfer-Encoding: chunked', ...lines).replace('GET', 'POST')
    const sent = `${chunked}2\r\nok\r\n0\r\n${lines.join('\r\n')}\r\n\r\n`
    t.equal(statusOf(await exchange(t, port, sent)), 200)
    const client = await Http2Client.open(t, port)
    const list = Object.fromEntries(
      [...forged, ['X_Other', '1']].map(([name, value]) => [name!.toLowerCase(), value])
    )
    const stream = client.begin({ ':method': 'POST', ':path': '/', ...list }, true, true)
    stream.on('wantTrailers', () => stream.sendTrailers(list))
    stream.end('ok')
    t.equal((await answerOn(stream)).status, 200)
    const [first, second] = backend.requests.splice(0) as [Message, Message]
    for (const { fields, trailers, body } of [first, second]) {
      t.same([...fields, ...trailers].filter(isForged), [])
      t.same(
        [fieldValues(fields, 'x_other'), fieldValues(trailers, 'x_other'), `${body}`],
        [['1'], ['1'], 'ok']
      )
    }

    const behind = await startBalancer(t, [http2], env)
    t.equal(statusOf(await exchange(t, behind.port, sent)), 200)
    t.same(pairs(http2.requests.pop()!.raw).filter(isForged), [])
    t.same(trailers.splice(0), ['x_other', '1'])
  }
})

test('Forwarded is added where it is asked for', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_FORWARDED: 'true' })
  await exchange(t, port, request('Host: example.com:81', 'Forwarded: for=6.6.6.6'))
  t.equal(
    fieldValue(backend.requests[0]!.fields, 'forwarded'),
    'for=127.0.0.1;host="example.com:81";proto=http'
  )
})

test('a request id is kept if it can be, and is made otherwise', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const idOf = async (...lines: string[]) => {
    t.equal(statusOf(await exchange(t, port, request('Host: x', ...lines))), 200)
    return fieldValue(backend.requests.at(-1)!.fields, 'x-request-id')!
  }
  t.equal(await idOf('X-Request-ID: 7f-client~id'), '7f-client~id')
  t.equal(await idOf(`X-Request-ID: ${'i'.repeat(128)}`), 'i'.repeat(128))
  const made = [
    await idOf(),
    await idOf('X-Request-ID: '),
    await idOf('X-Request-ID: with space'),
    await idOf(`X-Request-ID: ${'i'.repeat(129)}`),
    await idOf('X-Request-ID: caf\u00e9'),
    await idOf('X-Request-ID: one', 'X-Request-ID: two')
  ]
  for (const id of made) t.match(id, /^[\w-]{10,40}$/)
  t.equal(new Set(made).size, made.length)
})

test('an HTTP/1.0 request becomes an HTTP/1.1 one with or without Host', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  t.equal(statusOf(await exchange(t, port, 'GET /old HTTP/1.0\r\n\r\n')), 200)
  const { startLine, fields } = backend.requests[0]!
  t.equal(startLine, 'GET /old HTTP/1.1')
  t.same(fieldValues(fields, 'host'), [backend.address], 'HTTP/1.1 needs one')
  t.same(fieldValues(fields, 'x-forwarded-host'), [])
})

test('a target may name the host as well, but no other', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const ask = (target: string, host: string) =>
    exchange(t, port, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  for (const [target, host] of [
    ['http://example.com/', 'example.com'],
    ['HTTP://Example.com:81/x?y', 'example.com:81'],
    ['http://example.com:80/', 'example.com'],
    ['https://[::1]:81?q', '[::1]:81'],
    ['/http://example.com/', 'other']
  ] as const) {
    await ask(target, host)
    const { fields } = backend.requests.at(-1)!
    t.equal(fieldValue(fields, 'host'), host, target)
    t.equal(fieldValue(fields, 'x-forwarded-host'), host)
  }
  for (const target of ['http://example.com/', 'http://me@other/', 'http://other:81/'])
    t.equal(statusOf(await ask(target, 'other')), 400, target)
  t.equal(backend.requests.length, 5)
  await exchange(t, port, 'GET http://example.com/ HTTP/1.0\r\n\r\n')
  t.equal(fieldValue(backend.requests.at(-1)!.fields, 'host'), 'example.com')
})

test('a head that is too large is refused', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  t.equal(statusOf(await exchange(t, port, request('Host: x', `A: ${'a'.repeat(20_000)}`))), 431)
  t.equal(backend.requests.length, 0)
})

test('a request with two hosts or none is ambiguous, and refused', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  t.equal(statusOf(await exchange(t, port, request('X: y'))), 400, 'none')
  t.equal(statusOf(await exchange(t, port, request('Host: a', 'Host: b'))), 400, 'two')
  t.equal(backend.requests.length, 0)
})

// The host of a request

const HOSTLESS: readonly [what: string, ...lines: string[]][] = [
  ['HTTP/1.0', 'GET /x HTTP/1.0'],
  ['HTTP/1.0 that keeps its connection', 'GET /x HTTP/1.0', 'Connection: keep-alive', 'A: 1'],
  ['HTTP/1.0 with an empty Host', 'GET /x HTTP/1.0', 'A: 1', 'hOST:'],
  ['HTTP/1.1 with an empty Host', 'GET /x HTTP/1.1', 'A: 1', 'Host: \t', 'B: 2'],
  ['a check of another balancer', 'OPTIONS * HTTP/1.0'],
  ['an upload without a body', 'POST /x HTTP/1.0', 'Content-Length: 0']
]

const latest = ({ requests }: RawBackend, name: string) => fieldValues(requests.at(-1)!.fields, name)

test('a request that names no host is for the authority of the backend that gets it', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_FORWARDED: 'true' })
  for (const [what, ...lines] of HOSTLESS) {
    t.equal(statusOf(await exchange(t, port, [...lines, '', ''].join('\r\n'))), 200, what)
    t.same(latest(backend, 'host'), [backend.address], what)
    t.same(latest(backend, 'x-forwarded-host'), [], 'nothing is made up of what the client asked for')
    t.same(latest(backend, 'forwarded'), ['for=127.0.0.1;proto=http'])
  }
  const upload = 'POST /x HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello'
  t.equal(statusOf(await exchange(t, port, upload)), 200)
  t.same([latest(backend, 'host'), `${backend.requests.at(-1)!.body}`], [[backend.address], 'hello'])
})

test('a host that is named goes on as it is, also in an absolute target of HTTP/1.0', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  for (const [bytes, host] of [
    ['GET http://a.test:81/x HTTP/1.0\r\n\r\n', 'a.test:81'],
    ['GET http://a.test/x HTTP/1.0\r\nHost: A.test\r\n\r\n', 'A.test'],
    ['GET /x HTTP/1.0\r\nHost: a.test\r\n\r\n', 'a.test']
  ] as const) {
    t.equal(statusOf(await exchange(t, port, bytes)), 200)
    t.same([latest(backend, 'host'), latest(backend, 'x-forwarded-host')], [[host], [host]])
    t.equal(backend.requests.at(-1)!.startLine, 'GET /x HTTP/1.1')
  }
})

test('a retry names the backend that is asked then', async (t) => {
  withoutChance(t)
  const first = await scripted(t, (_request, socket) => socket.resetAndDestroy())
  const other = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [first, other])
  t.equal(statusOf(await exchange(t, port, 'PUT / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello')), 200)
  t.same(
    [first, other].map((backend) => latest(backend, 'host')),
    [[first.address], [other.address]]
  )
  t.same(
    other.requests.map(({ body }) => `${body}`),
    ['hello']
  )
})

test('a hedge names the backend that is asked beside the first', async (t) => {
  withoutChance(t)
  const hosts: string[] = []
  let slow = false
  const backends = await Promise.all(
    ['first', 'other'].map(async (name) => {
      const server = createServer(({ headers: { host } }, res) => {
        hosts.push(`${name} ${host}`)
        setTimeout(() => res.end(name), slow && name === 'first' ? 3000 : 1)
      })
      return { name, address: await listen(t, server) }
    })
  )
  const balancer = await startBalancer(t, backends, { LB_HEDGE: 'true', LB_STALL_TIMEOUT: '0' })
  const request = 'GET / HTTP/1.0\r\n\r\n'
  for (let i = 0; i < 20; i++) await exchange(t, balancer.port, request)
  await sleep(1100)
  slow = true
  hosts.length = 0
  t.equal(`${(await exchange(t, balancer.port, request)).body}`, 'other')
  t.same(
    hosts,
    backends.map(({ name, address }) => `${name} ${address}`)
  )
})

test('a change of protocol with an empty Host', async (t) => {
  const backend = await switching(t, (socket) => socket.end())
  const { port } = await startBalancer(t, [backend])
  const upgrade = 'GET / HTTP/1.1\r\nHost:\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n'
  t.equal(statusOf(await exchange(t, port, upgrade)), 101)
  t.same(latest(backend, 'host'), [backend.address])
})

test('a backend of HTTP/2 is told its authority', async (t) => {
  const backend = await http2Backend(t, answeringStreams())
  const { port } = await startBalancer(t, [backend])
  for (const [what, ...lines] of HOSTLESS) {
    t.equal(statusOf(await exchange(t, port, [...lines, '', ''].join('\r\n'))), 200, what)
    const { headers } = backend.requests.at(-1)!
    t.equal(headers[':authority'], `127.0.0.1:${backend.port}`, what)
    t.same([headers.host, headers['x-forwarded-host']], [undefined, undefined])
  }
})

// Trace context

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const SPAN_ID = 'b7ad6b7169203331'
const MADE = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/

const get = (...lines: string[]) => ['GET / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n')

/** Valid ones (W3C Trace Context sections 3.2 and 4.1). */
const VALID = [
  `00-${TRACE_ID}-${SPAN_ID}-01`,
  `00-${TRACE_ID}-${SPAN_ID}-00`,
  `00-${TRACE_ID}-${SPAN_ID}-03`,
  `cc-${TRACE_ID}-${SPAN_ID}-01`,
  `cc-${TRACE_ID}-${SPAN_ID}-01-what-the-future-brings`
]
const INVALID = [
  '',
  'garbage',
  `ff-${TRACE_ID}-${SPAN_ID}-01`,
  `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`,
  `00-${'0'.repeat(32)}-${SPAN_ID}-01`,
  `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
  `00-${TRACE_ID}-${SPAN_ID}`,
  `00-${TRACE_ID}-${SPAN_ID}-1`,
  `00-${TRACE_ID}-${SPAN_ID}-01-more`,
  `cc-${TRACE_ID}-${SPAN_ID}-01.more`,
  `00-${TRACE_ID}-${SPAN_ID}-01, 00-${TRACE_ID}-${SPAN_ID}-01`
]

test('the fields of a trace pass as they came, whatever they say, unless more is asked for', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  for (const value of [...VALID, ...INVALID]) {
    await exchange(t, port, get(`TraceParent: ${value}`, 'tracestate: a=1', 'Tracestate: b=2'))
    const { fields } = backend.requests.at(-1)!
    t.same(fieldValues(fields, 'traceparent'), [value], value)
    t.same(fieldValues(fields, 'tracestate'), ['a=1', 'b=2'])
  }
  await exchange(t, port, get())
  t.same(fieldValues(backend.requests.at(-1)!.fields, 'traceparent'), [])
})

test('a valid parent passes unchanged where others are made', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_TRACEPARENT: 'true' })
  for (const value of VALID) {
    await exchange(t, port, get(`TraceParent: ${value}`, 'tracestate: a=1', 'Tracestate: b=2'))
    const { fields } = backend.requests.at(-1)!
    t.same(fieldValues(fields, 'traceparent'), [value], value)
    t.ok(
      fields.some(([name]) => name === 'TraceParent'),
      'in its case'
    )
    t.same(fieldValues(fields, 'tracestate'), ['a=1', 'b=2'])
  }
})

test('a parent is made where there is none, or an invalid one, whose state goes with it', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_TRACEPARENT: 'true' })
  const made = new Set<string>()
  for (const lines of [[], ...INVALID.map((value) => [`Traceparent: ${value}`]), [], []]) {
    await exchange(t, port, get(...lines, 'tracestate: a=1', 'X-Other: traceparent'))
    const { fields } = backend.requests.at(-1)!
    const values = fieldValues(fields, 'traceparent')
    t.equal(values.length, 1)
    t.match(values[0], MADE, lines.join())
    made.add(values[0]!)
    t.same(fieldValues(fields, 'tracestate'), [])
    t.same(fieldValues(fields, 'x-other'), ['traceparent'])
  }
  t.equal(made.size, INVALID.length + 3, 'each is another one')
})

test('a retry keeps the parent, and the access log names the trace', async (t) => {
  withoutChance(t)
  const log = new LogFile(t)
  const other = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [await refusing(t), other], {
    LB_TRACEPARENT: 'true',
    LB_ACCESS_LOG: 'all',
    LB_ACCESS_LOG_FILE: log.file
  })
  await exchange(t, port, get())
  const [, traceId] = fieldValues(other.requests[0]!.fields, 'traceparent')[0]!.split('-')
  t.match(await log.entries(1), [{ traceId, attempts: 2 }])
  await exchange(t, port, get(`traceparent: ${VALID[0]}`))
  t.match((await log.entries(2)).at(-1), { traceId: TRACE_ID })
})
