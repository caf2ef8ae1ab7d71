import type { Test } from 'tap'
import { eventually, startBalancer, test } from '../../helper.js'
import { TOKEN, WITH_TOKEN } from '../../support/api.js'
import { answering, OK, scripted } from '../../support/raw-backend.js'
import { exchange, RawClient } from '../../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../../support/wire.js'

const BODY = '{"address":"evil.example:80"}'
const KNOWN = `Authorization: Bearer ${TOKEN}`
const ORIGIN = 'http://lb.internal:8000'

interface Attempt {
  readonly method?: string
  readonly target?: string
  readonly fields?: readonly string[]
  readonly body?: string
  readonly status: number
}

const PATCH = { method: 'PATCH', target: '/__lb/api/backends/a.example:80', body: '{"weight":9}' }
const TOKEN_CHECK = { method: 'GET', target: '/__lb/api/token', body: '' }
const DELETE = { method: 'DELETE', target: '/__lb/api/backends/a.example:80', body: '' }

/** None of these is to change anything, or to show anything. Those without a target add a backend. */
const ATTEMPTS: readonly Attempt[] = [
  // Without the token, or with another one.
  { status: 401 },
  { status: 401, fields: ['Authorization: Bearer'] },
  { status: 401, fields: [`Authorization: ${TOKEN}`] },
  { status: 401, fields: [`Authorization: Basic ${Buffer.from(`admin:${TOKEN}`).toString('base64')}`] },
  { status: 401, fields: [`Authorization: Token ${TOKEN}`] },
  { status: 401, fields: [`Authorization: Bearer ${TOKEN.slice(0, -1)}`] },
  { status: 401, fields: [`Authorization: Bearer ${TOKEN}x`] },
  { status: 401, fields: [`Authorization: Bearer ${TOKEN.toUpperCase()}`] },
  { status: 401, fields: [`Authorization: Bearer "${TOKEN}"`] },
  { status: 401, fields: [`Authorization: Bearer ${TOKEN} ${TOKEN}`] },
  { status: 401, fields: [`Authorization: Bearer ${encodeURIComponent('a token')}`] },
  { status: 401, fields: ['Authorization: Bearer null'] },
  { status: 401, fields: ['Authorization: Bearer undefined'] },
  { status: 401, fields: ['Authorization: Bearer x', KNOWN] },
  { status: 401, fields: [KNOWN, 'Authorization: Bearer x'] },
  { status: 401, fields: [KNOWN, 'authorization: Basic eDp5'] },
  { status: 401, fields: [KNOWN, KNOWN] },
  { status: 401, fields: [`Proxy-Authorization: Bearer ${TOKEN}`] },
  { status: 401, fields: [`X-Authorization: Bearer ${TOKEN}`] },
  { status: 401, fields: [`Cookie: token=${TOKEN}; Authorization=Bearer ${TOKEN}`] },
  { status: 401, target: `/__lb/api/backends?access_token=${TOKEN}&Authorization=Bearer%20${TOKEN}` },
  { status: 401, ...PATCH },
  { status: 401, ...DELETE },
  { status: 401, method: 'PUT', body: `[${BODY}]` },
  { status: 401, target: '/__lb/api/backends/a.example:80/reset', body: '' },
  { status: 401, ...TOKEN_CHECK },
  { status: 401, ...TOKEN_CHECK, fields: [`Authorization: Bearer ${TOKEN}x`] },
  { status: 403, ...TOKEN_CHECK, fields: [KNOWN, 'Origin: http://evil.example'] },
  { status: 403, ...TOKEN_CHECK, fields: [KNOWN, 'Sec-Fetch-Site: cross-site'] },
  // By the word of fields that anybody can write.
  { status: 401, fields: ['X-Forwarded-For: 127.0.0.1', 'X-Real-IP: 127.0.0.1', 'Forwarded: for=127.0.0.1'] },
  { status: 401, fields: ['X-HTTP-Method-Override: GET', 'X-Original-Method: GET'] },
  {
    status: 404,
    method: 'GET',
    target: '/__lb/api/nosuch',
    fields: ['X-Original-URL: /__lb/api/backends', KNOWN]
  },
  { status: 404, target: '/__lb/api/backends/', fields: [KNOWN] },
  // From pages of other sites, with the token even.
  { status: 403, fields: [KNOWN, 'Origin: http://evil.example'] },
  { status: 403, fields: [KNOWN, 'Origin: null'] },
  { status: 403, fields: [KNOWN, 'Origin: https://lb.internal:8000'] },
  { status: 403, fields: [KNOWN, 'Origin: http://lb.internal'] },
  { status: 403, fields: [KNOWN, `Origin: ${ORIGIN}.evil.example`] },
  { status: 403, fields: [KNOWN, `Origin: ${ORIGIN}`, 'Origin: http://evil.example'] },
  { status: 403, fields: [KNOWN, `Origin: ${ORIGIN}`, 'Sec-Fetch-Site: cross-site'] },
  { status: 403, fields: [KNOWN, 'Sec-Fetch-Site: same-site'] },
  { status: 403, fields: [KNOWN, 'Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'] },
  { status: 403, fields: ['Origin: http://evil.example'] },
  {
    status: 404,
    method: 'OPTIONS',
    fields: ['Origin: http://evil.example', 'Access-Control-Request-Method: POST']
  },
  // As a form would.
  { status: 415, fields: [KNOWN, 'Content-Type: text/plain'] },
  { status: 415, fields: [KNOWN, 'Content-Type: application/json', 'Content-Type: text/plain'] },
  { status: 415, fields: [KNOWN, 'Content-Type: text/plain', 'Content-Type: application/json'] },
  { status: 415, fields: [KNOWN, 'Content-Type: application/x-www-form-urlencoded'] },
  { status: 415, ...DELETE, fields: [KNOWN, 'Content-Type: text/plain'] },
  // By other names and methods.
  { status: 404, target: '/__lb/api/%62ackends', fields: [KNOWN] },
  { status: 404, target: '/__lb/%61pi/backends', fields: [KNOWN] },
  { status: 404, target: '/__lb//api/backends', fields: [KNOWN] },
  { status: 404, target: '/__lb/api/../api/backends', fields: [KNOWN] },
  { status: 404, target: '/__lb/API/backends', fields: [KNOWN] },
  { status: 404, target: '/__lb/api/backends;x', fields: [KNOWN] },
  { status: 404, ...DELETE, target: '/__lb/api/backends/a.example:80%2freset', fields: [KNOWN] },
  { status: 404, ...DELETE, target: '/__lb/api/backends/%61.example:80', fields: [KNOWN] },
  { status: 404, method: 'DELETE', body: '', fields: [KNOWN] },
  { status: 404, method: 'PATCH', fields: [KNOWN] },
  { status: 404, method: 'TRACE', body: '', fields: [KNOWN] },
  { status: 404, ...PATCH, method: 'PUT', fields: [KNOWN] }
]

const nameOf = ({ method = 'POST', target = '', fields = [], status }: Attempt) =>
  `${status} ${method} ${target} ${fields.join(', ')}`

function bytesOf({
  method = 'POST',
  target = '/__lb/api/backends',
  fields = [],
  body = BODY
}: Attempt): string {
  const type = fields.some((field) => field.startsWith('Content-Type'))
    ? []
    : ['Content-Type: application/json']
  const framing = body === '' ? [] : [...type, `Content-Length: ${body.length}`]
  return [`${method} ${target} HTTP/1.1`, 'Host: lb.internal:8000', ...fields, ...framing, '', body].join(
    '\r\n'
  )
}

test(`who may not gets nothing: ${ATTEMPTS.length} attempts`, async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, registry } = await startBalancer(t, `${backend.address} a.example:80`, WITH_TOKEN)
  const shown = () => registry.backends.map(({ address, weight }) => [address, weight])
  const before = shown()
  for (const attempt of ATTEMPTS) {
    const message = await exchange(t, port, bytesOf(attempt))
    const { status } = attempt
    t.equal(statusOf(message), status, nameOf(attempt))
    t.equal(JSON.parse(message.body.toString()).statusCode, status)
    t.notMatch(message.body.toString(), /example|127\.0\.0\.1/, 'nothing is shown')
    t.equal(fieldValue(message.fields, 'access-control-allow-origin'), undefined)
    t.equal(fieldValue(message.fields, 'www-authenticate'), status === 401 ? 'Bearer' : undefined)
  }
  t.same(shown(), before)
  t.equal(backend.requests.length, 0, 'and nothing reaches a backend')
})

test('the same requests succeed with the token', async (t) => {
  const { port, registry } = await startBalancer(t, 'a.example:80 b.example:80', WITH_TOKEN)
  for (const [fields, i] of [
    [[KNOWN], 0],
    [[KNOWN, `Origin: ${ORIGIN}`, 'Sec-Fetch-Site: same-origin'], 1],
    [[KNOWN, 'Sec-Fetch-Site: none'], 2],
    [[`authorization: bearer ${TOKEN}`, 'Origin: http://LB.internal:8000'], 3]
  ] as const) {
    const body = `{"address":"c${i}.example:80"}`
    t.equal(statusOf(await exchange(t, port, bytesOf({ fields, body, status: 201 }))), 201, fields.join())
  }
  t.equal(statusOf(await exchange(t, port, bytesOf({ ...TOKEN_CHECK, fields: [KNOWN], status: 204 }))), 204)
  t.equal(statusOf(await exchange(t, port, bytesOf({ ...PATCH, fields: [KNOWN], status: 200 }))), 200)
  t.equal(statusOf(await exchange(t, port, bytesOf({ ...DELETE, fields: [KNOWN], status: 204 }))), 204)
  t.equal(registry.backends.length, 5)
})

const KIB = 1024
const SPEC = '{"address":"c.example:80"}'
const GET = 'GET /__lb/live HTTP/1.1\r\nHost: x\r\n\r\n'

const head = (...fields: string[]) =>
  ['POST /__lb/api/backends HTTP/1.1', 'Host: x', `Authorization: Bearer ${TOKEN}`, ...fields, '', ''].join(
    '\r\n'
  )
const withBody = (body: string, ...fields: string[]) =>
  head('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, ...fields) + body
const codeOf = ({ body }: Message) => JSON.parse(body.toString()).code

async function stage(t: Test) {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], WITH_TOKEN)
  return { ...balancer, count: () => balancer.registry.backends.length }
}

test('JSON in any framing, and after 100-continue', async (t) => {
  const { port, registry } = await stage(t)
  const addresses = ['c.example:80', 'd.example:80', 'e.example:80', 'f.example:80']
  const [c, d, e, f] = addresses.map((address) => JSON.stringify({ address }))
  t.equal(statusOf(await exchange(t, port, withBody(c!))), 201)
  const chunks = `5\r\n${d!.slice(0, 5)}\r\n${(d!.length - 5).toString(16)}\r\n${d!.slice(5)}\r\n0\r\n\r\n`
  const chunked = head('Content-Type: application/json; charset=utf-8', 'Transfer-Encoding: chunked') + chunks
  t.equal(statusOf(await exchange(t, port, chunked)), 201)
  const client = await RawClient.open(t, port)
  const whole = withBody(e!)
  for (const byte of whole.slice(0, -10)) client.send(byte)
  await new Promise(setImmediate)
  client.send(whole.slice(-10))
  t.equal(statusOf(await client.response()), 201)
  client.send(head('Content-Type: application/json', `Content-Length: ${f!.length}`, 'Expect: 100-continue'))
  t.equal(statusOf(await client.next()), 100)
  client.send(f!)
  t.equal(statusOf(await client.response()), 201)
  client.send(GET)
  t.equal(statusOf(await client.response()), 200, 'the connection goes on')
  for (const address of addresses) t.ok(registry.backendAt(address), address)
})

test('anything but JSON is rejected', async (t) => {
  const { port, count } = await stage(t)
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/jsonx',
    ''
  ]) {
    const refused = await exchange(t, port, `${head(`Content-Type: ${type}`, 'Content-Length: 26')}${SPEC}`)
    t.same([statusOf(refused), codeOf(refused)], [415, 'LB_NOT_JSON'], type)
  }
  const untyped = await exchange(t, port, `${head('Content-Length: 26')}${SPEC}`)
  t.equal(statusOf(untyped), 415)
  for (const body of ['', '{', '{"address":"c:80"}x', 'undefined', '\xff\xfe', "{'address':'c:80'}"]) {
    const bytes = Buffer.from(body, 'latin1')
    const request = Buffer.concat([
      Buffer.from(head('Content-Type: application/json', `Content-Length: ${bytes.length}`)),
      bytes
    ])
    const refused = await exchange(t, port, request)
    t.same([statusOf(refused), codeOf(refused)], [400, 'LB_BROKEN_JSON'], body)
  }
  t.equal(count(), 1)
})

test('a body of more than 256 KiB is rejected and ends the connection', async (t) => {
  const { port, count } = await stage(t)
  const padded = (size: number) => SPEC.padEnd(size)
  const large = await exchange(t, port, withBody(padded(256 * KIB + 1)))
  t.same([statusOf(large), codeOf(large)], [413, 'LB_BODY_TOO_LARGE'])
  t.equal(fieldValue(large.fields, 'connection'), 'close')

  const client = await RawClient.open(t, port)
  client.send(head('Content-Type: application/json', 'Content-Length: 99999999999'))
  t.equal(statusOf(await client.response()), 413, 'before a byte of it has come')
  client.send(GET)
  await client.untilClosed()
  t.equal(client.received.length, 0, 'what follows is no request')

  const endless = await RawClient.open(t, port)
  endless.send(head('Content-Type: application/json', 'Transfer-Encoding: chunked'))
  const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
  for (let i = 0; i < 5; i++) endless.send(chunk)
  t.equal(statusOf(await endless.response()), 413)
  t.equal(count(), 1)
  t.equal(statusOf(await exchange(t, port, withBody(padded(256 * KIB)))), 201)
})

test('the body of a rejected request is not taken for another request', async (t) => {
  const { port, count } = await stage(t)
  const client = await RawClient.open(t, port)
  const hidden = `DELETE /__lb/api/backends/x:1 HTTP/1.1\r\nHost: x\r\n\r\n`
  client.send(
    `POST /__lb/api/backends HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n`
  )
  t.equal(statusOf(await client.response()), 401)
  client.send(hidden)
  await client.untilClosed()
  t.equal(client.received.length, 0)
  t.equal(count(), 1)
})

test('an incomplete body changes nothing', async (t) => {
  const { port, count } = await stage(t)
  const client = await RawClient.open(t, port)
  client.send(head('Content-Type: application/json', 'Content-Length: 1000') + SPEC)
  client.socket.end()
  await client.untilClosed()
  const reset = await RawClient.open(t, port)
  reset.send(head('Content-Type: application/json', 'Transfer-Encoding: chunked'))
  reset.abort()
  t.equal(statusOf(await exchange(t, port, GET)), 200)
  t.equal(count(), 1)
})

test('a client that sends a large rejected body gets the answer instead of a reset', async (t) => {
  const { port } = await stage(t)
  const client = await RawClient.open(t, port)
  client.send(
    'PUT /__lb/api/backends HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 8000000\r\n\r\n'
  )
  client.socket.allowHalfOpen = true
  client.send(Buffer.alloc(4_000_000))
  t.equal(statusOf(await client.response()), 401)
  await eventually(() => client.ended)
  client.send(Buffer.alloc(3_000_000))
  await eventually(() => client.socket.writableLength === 0 || client.closed)
  client.socket.end()
  await client.untilClosed()
  t.notOk(client.broken)
})
