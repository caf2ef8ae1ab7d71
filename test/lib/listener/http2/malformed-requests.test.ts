import t from 'tap'
import { areTrailers } from '../../../../lib/base/http2/field-syntax.js'
import { decoded, readRequest } from './read-request.js'

const METHOD = ':method: GET'
const SCHEME = ':scheme: https'
const AUTHORITY = ':authority: a.example'
const PATH = ':path: /'
const GET = [METHOD, SCHEME, AUTHORITY, PATH]
const POST = [':method: POST', SCHEME, AUTHORITY, PATH]
const CONNECT = [':method: CONNECT', ':authority: a.example:443']
const EXTENDED = [':method: CONNECT', ':protocol: websocket', SCHEME, PATH, AUTHORITY]

/** The fields of a request with another value of one. */
const withField = (line: string, of = GET) =>
  of.map((field) => (nameOf(field) === nameOf(line) ? line : field))
const without = (line: string, of = GET) => of.filter((field) => field !== line)
const nameOf = (line: string) => line.slice(0, line.indexOf(': ', 1))

/** By the section of RFC 9113, or of another one that it refers to. */
const MALFORMED: Readonly<Record<string, readonly (readonly string[])[]>> = {
  '8.2.1, names': [
    ...['Accept', 'acCept', 'accepT', 'X', ''],
    ...['a b', ' a', 'a ', 'a\t', 'a\0', 'a\r', 'a\n', 'a\r\nb', 'a\x01', 'a\x1f', 'a\x7f', 'a\x80', 'a\xff'],
    ...['a(', 'a)', 'a,', 'a/', 'a;', 'a<', 'a=', 'a>', 'a?', 'a@', 'a[', 'a\\', 'a]', 'a{', 'a}', 'a"', 'a:']
  ].map((name) => [...GET, `${name}: 1`]),
  '8.2.1, values': [
    ...['a\0', '\0', 'a\rb', 'a\nb', 'a\r\nb: c', 'a\r', '\n'],
    ...[' a', 'a ', '\ta', 'a\t', ' ', '\t', ' a '],
    ...['a\x01', 'a\x0b', 'a\x1f', 'a\x7f']
  ].map((value) => [...GET, `x-a: ${value}`]),
  '8.2.1, in fields that are read': [
    'cookie',
    'priority',
    'host',
    'x-request-id',
    'content-length',
    'te'
  ].map((name) => [...GET, `${name}: a\nb`]),
  '8.2.2, fields of a connection': [
    ...['connection: close', 'connection: keep-alive', 'connection: te', 'connection: '],
    ...['keep-alive: timeout=5', 'proxy-connection: keep-alive', 'upgrade: websocket', 'upgrade: h2c'],
    ...['transfer-encoding: chunked', 'transfer-encoding: identity', 'transfer-encoding: ']
  ].map((line) => [...GET, line]),
  '8.2.2, te': ['gzip', 'trailers, gzip', 'trailers;q=1', 'gzip, trailers', ''].map((value) => [
    ...GET,
    `te: ${value}`
  ]),
  '8.3, unknown': [':foo: 1', ': 1', ':Method: GET', ':host: a.example', ':path : /', ':version: 2'].map(
    (line) => [...GET, line]
  ),
  '8.3, of a response': [[...GET, ':status: 200'], [':status: 200']],
  '8.3, behind others': [
    ['accept: */*', ...GET],
    [METHOD, SCHEME, PATH, 'accept: */*', AUTHORITY],
    [SCHEME, AUTHORITY, PATH, 'accept: */*', METHOD],
    [...GET, 'accept: */*', ':foo: 1']
  ],
  '8.3, repeated': [METHOD, SCHEME, AUTHORITY, PATH, ':method: POST', ':path: /b', ':scheme: http'].map(
    (line) => [...GET, line]
  ),
  '8.3.1, empty': [':method: ', ':scheme: ', ':authority: ', ':path: '].map((line) => withField(line)),
  '8.3.1, missing': [
    ...[METHOD, SCHEME, PATH, AUTHORITY].map((line) => without(line)),
    [],
    ['accept: */*'],
    [METHOD],
    [...without(AUTHORITY), 'host: ']
  ],
  '8.3.1, method': ['G T', 'GET ', ' GET', 'GE\0T', 'G(T', 'GET/', 'G\xc9T', 'G:'].map((method) =>
    withField(`:method: ${method}`)
  ),
  '8.3.1, scheme': ['1http', 'ht tp', 'http:', 'https://', 'ht_tp', '-http', ' https', 'https\0'].map(
    (scheme) => withField(`:scheme: ${scheme}`)
  ),
  '8.3.1, path': [
    ...['a', 'a/b', '?a', '*', 'http://a.example/', '#', '%2f', ' /', '\\'],
    ...['/a b', '/ ', '/\t', '/\0', '/\r\nx: y', '/\x1f', '/\x7f', '/ HTTP/1.1']
  ].map((path) => withField(`:path: ${path}`)),
  '8.3.1, path of OPTIONS': ['a', '**', '*/', '*?a'].map((path) => [
    ':method: OPTIONS',
    SCHEME,
    AUTHORITY,
    `:path: ${path}`
  ]),
  '8.3.1, authority': [
    ...['user@a.example', 'user:secret@a.example', '@a.example', 'a.example@', 'a@b@c'],
    ...['a b', 'a.example ', ' a.example', 'a\0', 'a\r\nx: y', 'a\x7f']
  ].map((authority) => withField(`:authority: ${authority}`)),
  '8.3.1, authority and host': [
    ...['b.example', 'a.example:80', 'a.example:8443', 'www.a.example', 'user@a.example', ''].map((host) => [
      ...GET,
      `host: ${host}`
    ]),
    [...GET, 'host: a.example', 'host: a.example'],
    [...without(AUTHORITY), 'host: a.example', 'host: b.example'],
    [...withField(':scheme: http'), 'host: a.example:443'],
    [...withField(':authority: a.example:8443'), 'host: a.example']
  ],
  '8.5': [
    without(':authority: a.example:443', CONNECT),
    [...CONNECT, SCHEME],
    [...CONNECT, PATH],
    [...CONNECT, SCHEME, PATH],
    ...['a.example', 'a.example:', ':443', 'user@a.example:443', 'a b:443', ''].map((authority) =>
      withField(`:authority: ${authority}`, CONNECT)
    ),
    [...CONNECT, 'host: b.example:443'],
    [...CONNECT, 'content-length: 5']
  ],
  'RFC 8441 section 4': [
    [...GET, ':protocol: websocket'],
    [...POST, ':protocol: websocket'],
    ...[SCHEME, PATH, AUTHORITY].map((line) => without(line, EXTENDED)),
    [...without(AUTHORITY, EXTENDED), 'host: a.example'],
    [...EXTENDED, ':protocol: websocket'],
    ...['', ' websocket', 'web socket', 'a\0'].map((name) => withField(`:protocol: ${name}`, EXTENDED)),
    [...EXTENDED, 'upgrade: websocket'],
    [...EXTENDED, 'connection: Upgrade'],
    [...EXTENDED, 'content-length: 5'],
    withField(':path: a', EXTENDED)
  ],
  'RFC 9110 section 8.6': [
    ...['', '-1', '+1', '1.0', '0x1', '1 1', '1,1', '1, 1', 'a', '1e3', '1\xb2'].map((length) => [
      ...POST,
      `content-length: ${length}`
    ]),
    [...POST, 'content-length: 1', 'content-length: 2'],
    [...POST, 'content-length: 1', 'content-length: 1'],
    [...POST, 'content-length: 0', 'content-length: 0']
  ]
}

for (const [section, requests] of Object.entries(MALFORMED))
  t.test(`malformed by ${section}`, async (t) => {
    for (const lines of requests)
      t.equal(readRequest(decoded(lines), false), undefined, JSON.stringify(lines))
  })

t.test('without what makes them malformed they are read', async (t) => {
  for (const lines of [GET, POST, CONNECT, EXTENDED, [...GET, 'te: trailers', 'host: a.example']])
    t.ok(readRequest(decoded(lines), false), JSON.stringify(lines))
})

t.test(
  'a length that is not that of the body is malformed at the end of the stream (section 8.1.1)',
  async (t) => {
    for (const length of ['1', '01', '1000', '99999999999999999999']) {
      const lines = decoded([...POST, `content-length: ${length}`])
      t.ok(readRequest(lines, false), length)
      t.equal(readRequest(lines, true), undefined, length)
    }
    for (const length of ['0', '00'])
      t.ok(readRequest(decoded([...POST, `content-length: ${length}`]), true), length)
  }
)

t.test('trailers are fields without a colon at the start (section 8.1)', async (t) => {
  const wellFormed = [
    [],
    ['grpc-status: 0', 'grpc-message: '],
    ['x-a: 1', 'x-a: 2'],
    // Not to be passed on, but well-formed.
    ['content-length: 5', 'host: a.example', 'te: trailers', 'trailer: x']
  ]
  for (const lines of wellFormed) t.ok(areTrailers(decoded(lines)), JSON.stringify(lines))
  const malformed = [
    ...[':status: 200', ':path: /', ':foo: 1', ': 1', ': '],
    ...['X-A: 1', 'x a: 1', 'x-a: \0', 'x-a: a\nb', 'x-a:  a', 'x-a: a ', 'x-a\xff: 1'],
    ...[
      'connection: close',
      'transfer-encoding: chunked',
      'keep-alive: a',
      'upgrade: a',
      'proxy-connection: a'
    ],
    ...['te: gzip', 'te: ']
  ]
  for (const line of malformed) t.notOk(areTrailers(decoded(['x-b: 1', line])), JSON.stringify(line))
})
