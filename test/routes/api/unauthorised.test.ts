import { startBalancer, test } from '../../helper.js'
import { TOKEN, WITH_TOKEN } from '../../support/api.js'
import { answering, OK, scripted } from '../../support/raw-backend.js'
import { exchange } from '../../support/raw-client.js'
import { fieldValue, statusOf } from '../../support/wire.js'

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
