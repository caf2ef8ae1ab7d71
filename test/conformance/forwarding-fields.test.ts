import { test } from '../helper.js'
import { fieldValues } from '../support/wire.js'
import { openStage, type Stage } from './harness.js'

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
