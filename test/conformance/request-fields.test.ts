import { test } from '../helper.js'
import { type Field, fieldValues } from '../support/wire.js'
import { type Case, openStage, testCases } from './harness.js'

const request = (lines: readonly string[]) => ['GET / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n')
const line = ([name, value]: Field) => `${name}: ${value}`

const kept = (section: string, name: string, ...fields: Field[]): Case => ({
  name,
  section,
  sent: request(fields.map(line)),
  arrives: { fields }
})

testCases('fields arrive as they were sent', [
  kept('RFC 9110, 5.3', 'in their order', ['B', '1'], ['A', '2'], ['C', '3']),
  kept('RFC 9110, 5.3', 'twice', ['A', '1'], ['B', '2'], ['A', '3'], ['A', '1']),
  kept('RFC 9110, 5.1', 'in their case', ['aCCEPT', 'x'], ['ACCEPT', 'x'], ['x-a', 'B']),
  kept('RFC 9110, 5.5', 'empty', ['Accept', ''], ['X', '']),
  kept('RFC 9110, 5.5', 'with obs-text', ['X', 'caf\xe9 \x80\xff'], ['Y', '\xc3\xa9']),
  kept('RFC 9110, 5.5', 'with white space inside', ['X', 'a \t b  c']),
  kept('RFC 9110, 5.6.4', 'with quotes and commas', ['X', '"a, \\"b", , c;d="e']),
  kept('RFC 9110, 5.6.2', 'with every character of a name', ["!#$%&'*+-.^_`|~09azAZ", 'x']),
  kept(
    'RFC 9110, 5.1',
    'whose names objects have',
    ['__proto__', 'x'],
    ['constructor', 'y'],
    ['toString', 'z']
  ),
  kept(
    'RFC 6265, 5.4',
    'that are cookies, not joined',
    ['Cookie', 'a=1; b'],
    ['Cookie', 'c=2'],
    ['cookie', '']
  ),
  kept('RFC 9110, 5.5', 'whatever they mean', ['Date', 'no date'], ['Age', '-1'], ['Content-Type', '']),
  kept(
    'RFC 9110, 5.4',
    'as many as a hundred',
    ...Array.from({ length: 100 }, (_, i): Field => [`X-${i}`, `${i}`])
  ),
  kept('RFC 9110, 5.4', 'as long as 7 000 bytes', ['X', 'v'.repeat(7000)]),
  kept('RFC 9110, 6.6.2', 'that announce trailers', ['Trailer', 'X-Sum']),
  kept('RFC 9110, 7.6.2', 'that limit forwarding', ['Max-Forwards', '0']),
  kept('RFC 9110, 11.6.2', 'that are credentials', ['Authorization', 'Basic Og==']),
  kept(
    'RFC 9110, 12.5.3',
    'of negotiation',
    ['Accept-Encoding', 'gzip;q=0'],
    ['Accept-Charset', 'x'],
    ['Accept', '']
  ),
  kept('RFC 9110, 14.2', 'of ranges', ['Range', 'bytes=0-0,-1'], ['If-Range', '"e"'], ['If-Match', '*']),
  {
    name: 'without white space around them',
    section: 'RFC 9112, 5.1',
    sent: request(['A:1', 'B: \t 2 \t ', 'C:', 'D: \t', 'E:\t3']),
    arrives: {
      fields: [
        ['A', '1'],
        ['B', '2'],
        ['C', ''],
        ['D', ''],
        ['E', '3']
      ]
    }
  }
])

const removed = (section: string, name: string, ...lines: string[]): Case => ({
  name,
  section,
  sent: request(['A: 1', ...lines, 'Z: 2']),
  arrives: {
    fields: [
      ['A', '1'],
      ['Z', '2']
    ]
  }
})

testCases('fields of the connection to the client go no further', [
  removed('RFC 9110, 7.6.1', 'a field that Connection names', 'Connection: X-Named', 'X-Named: 1'),
  removed('RFC 9110, 7.6.1', 'before it is named', 'X-Named: 1', 'Connection: x-NAMED'),
  removed('RFC 9110, 7.6.1', 'all of that name', 'X-N: 1', 'Connection: X-N', 'X-N: 2', 'x-n: 3'),
  removed('RFC 9110, 7.6.1', 'in a list', 'Connection: ,close,\tX-A ,, x-b,', 'X-A: 1', 'X-B: 2'),
  removed('RFC 9110, 7.6.1', 'in two lists', 'Connection: X-A', 'X-A: 1', 'connection: X-B', 'X-B: 2'),
  removed('RFC 9110, 7.6.1', 'what is named is not there', 'Connection: X-A, Connection'),
  removed('RFC 9110, 7.6.1', 'an empty Connection', 'Connection:'),
  removed('RFC 9110, 7.6.1', 'a Connection that is none', 'Connection: ///, "x", a b'),
  removed('RFC 9110, 7.6.1', 'Keep-Alive', 'Keep-Alive: timeout=5', 'keep-alive: x'),
  removed('RFC 9110, 7.6.1', 'Proxy-Connection', 'Proxy-Connection: keep-alive'),
  removed('RFC 9110, 11.7.2', 'Proxy-Authorization', 'Proxy-Authorization: Basic Og=='),
  removed('RFC 9110, 10.1.4', 'TE of codings', 'TE: gzip;q=0.5', 'Connection: TE'),
  removed('RFC 9110, 10.1.4', 'an empty TE', 'TE:'),
  removed('RFC 9110, 7.8', 'Upgrade without Connection', 'Upgrade: websocket'),
  removed(
    'RFC 9113, 3.1',
    'an upgrade to h2c',
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAA'
  ),
  removed('RFC 9113, 3.1', 'HTTP2-Settings', 'HTTP2-Settings: AAA')
])

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

const trailersIn = (te: string) => request([`TE: ${te}`, 'Connection: TE'])

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
