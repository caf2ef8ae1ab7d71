import { startBalancer, test } from '../helper.js'
import { http2Backend } from '../support/http2-backend.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { pairs } from '../support/message.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { type Field, fieldValue, fieldValues, type Message, statusOf } from '../support/wire.js'

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
