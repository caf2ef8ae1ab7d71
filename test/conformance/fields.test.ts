import { test } from '../helper.js'
import { fieldValues } from '../support/wire.js'
import { requestFields } from './cases/request-fields.js'
import { responses } from './cases/responses.js'
import { openStage, type Stage, testCases } from './harness.js'

const request = (lines: readonly string[]) => ['GET / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n')

const trailersIn = (te: string) => request([`TE: ${te}`, 'Connection: TE'])

for (const [name, cases] of Object.entries(requestFields)) testCases(name, cases)

test('Connection cannot take away what the request needs', async (t) => {
  const stage = await openStage(t)
  const names = ['Host', 'Content-Length', 'Via', 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host']
  for (const name of [...names, 'X-Forwarded-Port', 'X-Request-Id', 'Transfer-Encoding', 'Connection']) {
    const sent = `POST / HTTP/1.1\r\nHost: x\r\nConnection: close, ${name}\r\nContent-Length: 5\r\n\r\nhello`
    const { request } = await stage.ask(sent)
    t.equal(request?.body.toString(), 'hello', `a body despite ${name} (RFC 9110, 7.6.1)`)
    for (const needed of [...names, 'X-Request-Id'])
      t.equal(fieldValues(request!.fields, needed).length, 1, `${needed} despite ${name} (RFC 9110, 7.6.1)`)
  }
})

test('TE: trailers is passed on, as a field of the connection to the backend', async (t) => {
  const stage = await openStage(t)
  for (const te of ['trailers', 'Trailers', 'gzip, trailers', 'trailers;q=1, deflate']) {
    const { request } = await stage.ask(trailersIn(te))
    const options = fieldValues(request!.fields, 'connection')
      .join()
      .toLowerCase()
      .split(/\s*,\s*/)
    t.same(fieldValues(request!.fields, 'te'), ['trailers'], `${te} (RFC 9110, 10.1.4)`)
    t.ok(options.includes('te'), `Connection names it, of ${te} (RFC 9110, 10.1.4)`)
    t.notOk(options.includes('close'), `the connection stays, of ${te} (RFC 9110, 10.1.4)`)
  }
})

test('Host keeps its place, case and value', async (t) => {
  const stage = await openStage(t)
  for (const [name, value] of [
    ['hOST', 'Example.COM:8080'],
    ['Host', '[::1]:80'],
    ['HOST', "a-._~!$&'()*+;=%41"],
    ['host', 'x:']
  ] as const) {
    const { request } = await stage.ask(`GET / HTTP/1.1\r\nA: 1\r\n${name}: ${value}\r\nB: 2\r\n\r\n`)
    t.same(
      request!.fields.slice(0, 3),
      [
        ['A', '1'],
        [name, value],
        ['B', '2']
      ],
      `${name} (RFC 9110, 7.2)`
    )
  }
})

const get = (...lines: string[]) => ['GET / HTTP/1.1', ...lines, '', ''].join('\r\n')

/** What the client sends, and the values of a field as the backend gets it. */
type Told = readonly [
  section: string,
  sent: string,
  field: string,
  values: (stage: Stage) => readonly string[]
]

const FORGED = [
  'X-Forwarded-For: 6.6.6.6',
  'x-forwarded-for: 7.7.7.7',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Port: 1',
  'X-Real-IP: 6.6.6.6',
  'Forwarded: for=6.6.6.6',
  'X-Forwarded-Server: evil',
  'X-Forwarded-Prefix: /evil'
]
const port = (stage: Stage) => [`${stage.balancer.port}`]

const TOLD: readonly Told[] = [
  ['RFC 7239, 5.2', get('Host: x'), 'X-Forwarded-For', () => ['127.0.0.1']],
  ['RFC 7239, 5.4', get('Host: x'), 'X-Forwarded-Proto', () => ['http']],
  ['RFC 7239, 5.3', get('Host: Example.com:81'), 'X-Forwarded-Host', () => ['Example.com:81']],
  ['RFC 7239, 5.3', get('Host: x'), 'X-Forwarded-Port', port],
  ['RFC 7239, 5.3', get('Host: x:81'), 'X-Forwarded-Port', port],
  ['RFC 9110, 7.6.3', get('Host: x'), 'Via', () => ['1.1 fairlead']],
  ['RFC 9110, 7.6.3', 'GET / HTTP/1.0\r\nHost: x\r\n\r\n', 'Via', () => ['1.0 fairlead']],
  ['RFC 9110, 7.6.3', get('Host: x', 'Via: 1.0 fred'), 'Via', () => ['1.0 fred', '1.1 fairlead']],
  ['RFC 9110, 7.6.3', get('Host: x', 'Via: a', 'via: b, c'), 'Via', () => ['a', 'b, c', '1.1 fairlead']],
  ['RFC 9112, 3.2.2', get('Host: h:81').replace('/', 'http://h:81/'), 'X-Forwarded-Host', () => ['h:81']],
  ['RFC 9112, 3.2.2', get('Host: h:81').replace('/', 'http://h:81/'), 'Host', () => ['h:81']],
  ['RFC 7239, 8.1', get('Host: x', ...FORGED), 'X-Forwarded-For', () => ['127.0.0.1']],
  ['RFC 7239, 8.1', get('Host: x', ...FORGED), 'X-Forwarded-Proto', () => ['http']],
  ['RFC 7239, 8.1', get('Host: x', ...FORGED), 'X-Forwarded-Host', () => ['x']],
  ['RFC 7239, 8.1', get('Host: x', ...FORGED), 'X-Forwarded-Port', port],
  ['RFC 7239, 8.1', get('Host: x', ...FORGED), 'X-Forwarded-Server', () => []],
  ['RFC 7239, 8.1', get('Host: x', ...FORGED), 'X-Forwarded-Prefix', () => []],
  ['RFC 7239, 8.1', get('Host: x', ...FORGED), 'X-Real-IP', () => []],
  ['RFC 7239, 8.1', get('Host: x', ...FORGED), 'Forwarded', () => []],
  ['RFC 7239, 8.1', get('Host: x', 'X-FORWARDED-FOR: 6.6.6.6'), 'X-Forwarded-For', () => ['127.0.0.1']],
  ['RFC 9110, 7.6.1', get('Host: x', 'Connection: X-Forwarded-For'), 'X-Forwarded-For', () => ['127.0.0.1']],
  ['RFC 9110, 7.6.1', get('Host: x', 'Connection: via'), 'Via', () => ['1.1 fairlead']],
  ['RFC 9112, 3.2', 'GET / HTTP/1.0\r\n\r\n', 'X-Forwarded-Host', () => []],
  ['RFC 3875, 4.1.18', get('Host: x', 'X_Forwarded_For: 6.6.6.6'), 'X_Forwarded_For', () => []],
  ['RFC 9110, 5.1', get('Host: x', 'X_Forwarded: 6.6.6.6'), 'X_Forwarded', () => ['6.6.6.6']]
]

test('the way of a request is told by the balancer alone', async (t) => {
  const stage = await openStage(t)
  for (const [section, sent, field, values] of TOLD) {
    const { request } = await stage.ask(sent)
    t.same(
      fieldValues(request!.fields, field),
      values(stage),
      `${field}: ${JSON.stringify(sent)} (${section})`
    )
  }
})

test('an id of a request is kept if it can be', async (t) => {
  const stage = await openStage(t)
  const idOf = async (...lines: string[]) => {
    const { request } = await stage.ask(get('Host: x', ...lines))
    return fieldValues(request!.fields, 'x-request-id')
  }
  for (const id of ['a', '7f-client~id!"/', 'i'.repeat(128)]) t.same(await idOf(`X-Request-Id: ${id}`), [id])
  const made: string[] = []
  for (const lines of [
    [],
    ['X-Request-Id:'],
    ['X-Request-Id: a b'],
    [`X-Request-Id: ${'i'.repeat(129)}`],
    ['X-Request-Id: caf\xe9'],
    ['X-Request-Id: a', 'X-Request-Id: b']
  ]) {
    const ids = await idOf(...lines)
    t.equal(ids.length, 1, lines.join())
    t.match(ids[0], /^[\x21-\x7e]{8,128}$/, lines.join())
    made.push(ids[0]!)
  }
  t.equal(new Set(made).size, made.length, 'one each')
})

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

for (const [name, cases] of Object.entries(responses)) testCases(name, cases)

test('a Date is there, once, and is the one of the backend if it has one', async (t) => {
  const stage = await openStage(t)
  const date = 'Sun, 06 Nov 1994 08:49:37 GMT'
  const given = await stage.ask(GET, `HTTP/1.1 200 OK\r\ndate: ${date}\r\nContent-Length: 0\r\n\r\n`)
  t.same(fieldValues(given.response.fields, 'date'), [date], 'RFC 9110, 6.6.1')
  const added = await stage.ask(GET, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  const [now, ...more] = fieldValues(added.response.fields, 'date')
  t.ok(Math.abs(Date.parse(now!) - Date.now()) < 5000, 'RFC 9110, 6.6.1')
  t.same(more, [])
})

test('nothing is added to a response but what its connection needs', async (t) => {
  const stage = await openStage(t)
  const { response } = await stage.ask(GET, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  const names = response.fields.map(([name]) => name.toLowerCase()).sort()
  t.strictSame(
    names.filter((name) => !/^(connection|keep-alive)$/.test(name)),
    ['content-length', 'date']
  )
})
