import { eventually, test } from '../helper.js'
import { type Field, fieldValues, type Message } from '../support/wire.js'
import { answeredFields, type Case, openStage, testCases } from './harness.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const HEAD = 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n'
const answer = (line: string, fields: readonly Field[], body = '') =>
  `HTTP/1.1 ${line}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`

const status = (section: string, line: string): Case => ({
  name: `status ${line}`,
  section,
  sent: GET,
  answer: answer(line, [['Content-Length', '2']], 'ok'),
  gets: { line: `HTTP/1.1 ${line}`, body: 'ok' }
})

testCases('status and reason come back byte for byte', [
  status('RFC 9110, 15.3', '200 OK'),
  status('RFC 9110, 15.3', '203 Non-Authoritative Information'),
  status('RFC 9110, 15.3', '206 Partial Content'),
  status('RFC 9110, 15', '299 Odd'),
  status('RFC 9110, 15.4', '300 Multiple Choices'),
  status('RFC 9110, 15.4', '308 Permanent Redirect'),
  status('RFC 9110, 15.5', '401 Unauthorized'),
  status('RFC 9110, 15.5', '407 Proxy Authentication Required'),
  status('RFC 9110, 15.5', '408 Request Timeout'),
  status('RFC 9110, 15.5', '417 Expectation Failed'),
  status('RFC 9110, 15.5', '421 Misdirected Request'),
  status('RFC 9110, 15', '499 Gone away'),
  status('RFC 9110, 15.6', '500 Internal Server Error'),
  status('RFC 9110, 15.6', '503 Busy'),
  status('RFC 9110, 15', '599 x'),
  status('RFC 9112, 4', '200 '),
  status('RFC 9112, 4', '200 Fine by  me, \t"really": \\o/'),
  status('RFC 9112, 4', '200 caf\xe9 \x80\xff'),
  status('RFC 9112, 4', '200 \xc3\xa9'),
  status('RFC 9112, 4', `200 ${'long '.repeat(200)}x`)
])

const fields = (section: string, name: string, ...sent: Field[]): Case => ({
  name,
  section,
  sent: GET,
  answer: answer('200 OK', [...sent, ['Content-Length', '0']]),
  gets: { fields: [...sent, ['Content-Length', '0']], body: '' }
})

testCases('fields of a response come back as they were sent', [
  fields('RFC 9110, 5.3', 'in their order', ['B', '1'], ['A', '2'], ['C', '3']),
  fields('RFC 9110, 5.3', 'twice', ['A', '1'], ['B', '2'], ['A', '3'], ['a', '1']),
  fields(
    'RFC 6265, 3',
    'that set cookies, never joined',
    ['Set-Cookie', 'a=1, b; Path=/'],
    ['set-cookie', 'b=2'],
    ['Set-Cookie', '']
  ),
  fields('RFC 9110, 5.1', 'in their case', ['sERVER', 'x'], ['ETAG', '"x"']),
  fields('RFC 9110, 5.5', 'empty', ['Server', ''], ['X', '']),
  fields('RFC 9110, 5.5', 'with obs-text', ['X', 'caf\xe9 \x80\xff']),
  fields('RFC 9110, 5.5', 'with white space inside', ['X', 'a \t b  c']),
  fields('RFC 9110, 5.6.2', 'with every character of a name', ["!#$%&'*+-.^_`|~09azAZ", 'x']),
  fields('RFC 9110, 5.1', 'whose names objects have', ['__proto__', 'x'], ['constructor', 'y']),
  fields(
    'RFC 9110, 5.4',
    'as many as a hundred',
    ...Array.from({ length: 99 }, (_, i): Field => [`X-${i}`, `${i}`])
  ),
  fields('RFC 9110, 10.2.2', 'that redirect', ['Location', '//x/../y?#%zz']),
  fields(
    'RFC 9110, 11.6.1',
    'that challenge',
    ['WWW-Authenticate', 'Negotiate'],
    ['WWW-Authenticate', 'Basic realm="x"']
  ),
  fields('RFC 9110, 7.6.3', 'that tell of their way', ['Via', '1.1 other']),
  fields(
    'RFC 9110, 8.4',
    'of codings that are not undone',
    ['Content-Encoding', 'gzip'],
    ['Content-Type', 'no type']
  ),
  fields('RFC 9111, 5', 'of caches', ['Age', '1'], ['Cache-Control', 'no-store'], ['Warning', '199 - x']),
  {
    name: 'without white space before the colon',
    section: 'RFC 9112, 5.1',
    sent: GET,
    answer: 'HTTP/1.1 200 OK\r\nX : y\r\nZ\t: z\r\nContent-Length: 0\r\n\r\n',
    gets: {
      fields: [
        ['X', 'y'],
        ['Z', 'z'],
        ['Content-Length', '0']
      ]
    }
  },
  {
    name: 'without white space around values',
    section: 'RFC 9112, 5.1',
    sent: GET,
    answer: 'HTTP/1.1 200 OK\r\nA:1\r\nB: \t 2 \t \r\nC:\r\nContent-Length:0 \r\n\r\n',
    gets: {
      fields: [
        ['A', '1'],
        ['B', '2'],
        ['C', ''],
        ['Content-Length', '0']
      ]
    }
  },
  ...[
    ['what Connection names', 'Connection: X-N\r\nX-N: 1\r\nx-n: 2'],
    ['Keep-Alive', 'Keep-Alive: timeout=77'],
    ['Proxy-Connection', 'Proxy-Connection: close'],
    ['an Upgrade that is offered', 'Upgrade: h2c\r\nConnection: Upgrade'],
    ['TE', 'TE: x']
  ].map(
    ([name, lines]): Case => ({
      name: `${name} goes no further`,
      section: 'RFC 9110, 7.6.1',
      sent: GET,
      answer: `HTTP/1.1 200 OK\r\n${lines}\r\nKeep: this\r\nContent-Length: 0\r\n\r\n`,
      gets: {
        fields: [
          ['Keep', 'this'],
          ['Content-Length', '0']
        ]
      }
    })
  )
])

const bodiless = (
  section: string,
  name: string,
  sent: string,
  line: string,
  given: Field[],
  wanted = given
): Case => ({
  name,
  section,
  sent,
  answer: answer(line, given),
  gets: { line: `HTTP/1.1 ${line}`, fields: wanted, body: '' }
})
const TEN: Field = ['Content-Length', '10']
const ETAG: Field = ['ETag', '"e"']

testCases('a response without a body has none', [
  bodiless('RFC 9110, 9.3.2', 'HEAD', HEAD, '200 OK', [ETAG]),
  bodiless('RFC 9110, 9.3.2', 'HEAD with a length', HEAD, '200 OK', [TEN, ETAG]),
  bodiless('RFC 9110, 9.3.2', 'HEAD with a length of none', HEAD, '404 No', [['Content-Length', '0']]),
  bodiless('RFC 9110, 15.4.5', '304', GET, '304 Not Modified', [ETAG]),
  bodiless('RFC 9110, 15.4.5', '304 with a length', GET, '304 Not Modified', [TEN, ETAG]),
  bodiless('RFC 9110, 15.4.5', '304 to HEAD', HEAD, '304 Not Modified', [TEN]),
  bodiless('RFC 9110, 15.3.5', '204', GET, '204 No Content', [ETAG]),
  bodiless(
    'RFC 9110, 8.6',
    '204 with a length',
    GET,
    '204 No Content',
    [['Content-Length', '0'], ETAG],
    [ETAG]
  ),
  bodiless('RFC 9110, 15.3.6', '205', GET, '205 Reset Content', [['Content-Length', '0']]),
  bodiless('RFC 9112, 6.3', 'a length of none', GET, '200 OK', [['Content-Length', '0']])
])

const TE = 'Transfer-Encoding: chunked\r\n'
const framed = (
  section: string,
  name: string,
  bytes: string,
  framing: Message['framing'],
  body = 'hello'
): Case => ({
  name,
  section,
  sent: GET,
  answer: `HTTP/1.1 200 OK\r\n${bytes}`,
  gets: { framing, body, trailers: [] }
})

testCases('a body keeps its framing', [
  framed('RFC 9112, 6.2', 'a length', 'Content-Length: 5\r\n\r\nhello', 'length'),
  framed('RFC 9112, 6.2', 'a length with zeros', 'Content-Length: 005\r\n\r\nhello', 'length'),
  framed('RFC 9112, 7.1', 'chunks', `${TE}\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`, 'chunked'),
  framed('RFC 9112, 7.1', 'no chunks', `${TE}\r\n0\r\n\r\n`, 'chunked', ''),
  framed('RFC 9112, 7.1', 'chunks with zeros', `${TE}\r\n0005\r\nhello\r\n000\r\n\r\n`, 'chunked'),
  framed(
    'RFC 9112, 7',
    'chunked in other case',
    'TRANSFER-encoding:CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    'chunked'
  ),
  framed(
    'RFC 9112, 7.1.1',
    'extensions, which go no further',
    `${TE}\r\n5;a;b="c"\r\nhello\r\n0;d\r\n\r\n`,
    'chunked'
  ),
  {
    name: 'trailers',
    section: 'RFC 9112, 7.1.2',
    sent: GET,
    answer: `HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\n${TE}\r\n5\r\nhello\r\n0\r\nX-Sum: 1f\r\nx-sum: \xe9\r\n\r\n`,
    gets: {
      body: 'hello',
      fields: [['Trailer', 'X-Sum']],
      trailers: [
        ['X-Sum', '1f'],
        ['x-sum', '\xe9']
      ]
    }
  },
  ...['Content-Length: 3', 'Transfer-Encoding: chunked', 'Connection: close', 'Keep-Alive: x'].map(
    (trailer): Case => ({
      name: `a trailer of ${trailer}`,
      section: 'RFC 9110, 6.5.1',
      sent: GET,
      answer: `HTTP/1.1 200 OK\r\n${TE}\r\n5\r\nhello\r\n0\r\n${trailer}\r\nX: y\r\n\r\n`,
      gets: { body: 'hello', trailers: [['X', 'y']] }
    })
  )
])

test('a body that ends with the connection is in chunks for the client', async (t) => {
  const stage = await openStage(t)
  const heads = ['HTTP/1.1 200 OK', 'HTTP/1.0 200 OK', 'HTTP/1.1 200 OK\r\nConnection: close']
  for (const head of heads) {
    const { response } = await stage.ask(GET, (_request, socket) =>
      socket.end(`${head}\r\nX: y\r\n\r\nhello`)
    )
    t.match([response.framing, `${response.body}`], ['chunked', 'hello'], `${head} (RFC 9112, 6.3)`)
    t.same(answeredFields(response), [['X', 'y']])
  }
  t.ok(await stage.isWell())
})

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

const PARTS: readonly [name: string, parts: readonly string[]][] = [
  ['a length', ['Content-Length: 10\r\n\r\n', 'hello', 'world']],
  ['chunks', [`${TE}\r\n`, '5\r\nhello\r\n', '5\r\nworld\r\n0\r\n\r\n']],
  ['half a chunk', [`${TE}\r\n`, 'a\r\nhello', 'world\r\n0\r\n\r\n']],
  [
    'an event stream',
    [`Content-Type: text/event-stream\r\n${TE}\r\n`, '7\r\nhello\n\n\r\n', '5\r\nworld\r\n0\r\n\r\n']
  ]
]
test('a part of a response does not wait for the next', async (t) => {
  const stage = await openStage(t)
  for (const [name, [head, first, rest]] of PARTS) {
    let send!: (bytes: string) => void
    stage.act = (_request, socket) => {
      send = (bytes) => void socket.write(bytes)
      send(`HTTP/1.1 200 OK\r\n${head}`)
    }
    const client = await stage.client()
    client.send(GET)
    await t.resolves(
      client.until((text) => text.includes('\r\n\r\n')),
      `head before body: ${name} (RFC 9112, 7.1)`
    )
    send(first!)
    await t.resolves(
      client.until((text) => text.includes('hello')),
      `first part before last: ${name} (RFC 9112, 7.1)`
    )
    t.notMatch(client.received.toString(), /world/)
    send(rest!)
    await eventually(() => client.received.includes('world'))
    t.match(`${(await client.response()).body}`, /^hello\s*world$/)
  }
  t.ok(await stage.isWell())
})
