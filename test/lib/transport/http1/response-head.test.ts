import t from 'tap'
import { parseResponseHead } from '../../../../lib/transport/http1/response-head.js'
import { parseTrailers, passableTrailers } from '../../../../lib/transport/http1/trailers.js'

// Response head

const BROKEN = { name: 'BrokenResponse', code: 'LB_BROKEN_RESPONSE' }
const STATUS = 'HTTP/1.1 200 OK'

const text = (...lines: string[]) => lines.map((line) => `${line}\r\n`).join('')
const headOf = (...lines: string[]) => parseResponseHead(text(...lines))
/** The head of a response that has these fields. */
const withFields = (...fields: string[]) => headOf(STATUS, ...fields)
/** The lines of its fields that go on. */
const passedOn = (...fields: string[]) => withFields(...fields).text.slice(STATUS.length + 2)

t.test('a status line is passed on as it is', async (t) => {
  for (const [line, statusCode] of [
    ['HTTP/1.1 200 OK', 200],
    ['HTTP/1.1 100 Continue', 100],
    ['HTTP/1.1 204 ', 204],
    ['HTTP/1.1 404 Not  Found\t!', 404],
    ['HTTP/1.1 500 caf\xe9 \x80\xff', 500],
    ['HTTP/1.1 599 ~', 599],
    ['HTTP/1.1 999 x', 999]
  ] as const) {
    const head = headOf(line)
    t.equal(head.text, text(line))
    t.match(head, { statusCode, http10: false, persistent: true, contentLength: -1, chunked: false }, line)
  }
})

t.test('that of another minor version, or without a reason phrase, becomes a proper one', async (t) => {
  for (const [line, passed, http10] of [
    ['HTTP/1.0 200 OK', 'HTTP/1.1 200 OK', true],
    ['HTTP/1.0 304', 'HTTP/1.1 304 ', true],
    ['HTTP/1.1 200', 'HTTP/1.1 200 ', false],
    ['HTTP/1.2 200 caf\xe9', 'HTTP/1.1 200 caf\xe9', false],
    ['HTTP/1.9 503', 'HTTP/1.1 503 ', false]
  ] as const) {
    const head = headOf(line, 'A: 1', 'Connection: x', 'B: 2')
    t.equal(head.text, text(passed, 'A: 1', 'B: 2'), line)
    t.equal(head.http10, http10, line)
  }
})

t.test('an invalid status line is rejected', async (t) => {
  for (const line of [
    '',
    ' ',
    STATUS.slice(1),
    ` ${STATUS}`,
    'http/1.1 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/0.9 200 OK',
    'HTTP/2 200 OK',
    'HTTP/1 200 OK',
    'HTTP/1. 200 OK',
    'HTTP/1.10 200 OK',
    'HTTP/11 200 OK',
    'HTTP/1.1200 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 200\tOK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 +20 OK',
    'HTTP/1.1 -20 OK',
    'HTTP/1.1 2e2 OK',
    'HTTP/1.1 OK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 O\x7fK',
    'HTTP/1.1 200 O\rK',
    'HTTP/1.1 200 OK\r',
    'HTTP/1.1 200 OK\nA: 1',
    'ICY 200 OK',
    'GET / HTTP/1.1'
  ])
    t.throws(() => headOf(line, 'A: 1'), BROKEN, JSON.stringify(line))
})

t.test('order, case, repetition and bytes of fields are kept', async (t) => {
  const fields = [
    'Set-Cookie: a=1',
    'x-B:',
    'Date:  Thu, 01 Jan 2026 00:00:00 GMT ',
    'set-cookie:b=2',
    'X-b:\t caf\xe9 \x80\xff\xa0',
    '!#$%&\'*+-.^_`|~09: "a\tb", (c) : d',
    'Content-LENGTH: 12',
    'Trailer: X-Sum',
    'Via: 1.1 other',
    'Content-Lengths: 7',
    'Transfer-Encodings: x',
    'X-Connection: close',
    'Dates: none',
    `X-Long: ${'v'.repeat(9000)}`,
    `${'N'.repeat(200)}: 1`
  ]
  t.equal(passedOn(...fields), text(...fields))
  t.equal(passedOn(), '')
})

t.test('an invalid field is rejected', async (t) => {
  for (const line of [
    ': 1',
    ':',
    'A',
    'A 1',
    'A B: 1',
    ' : 1',
    ' A: 1',
    '\tA: 1',
    '',
    'caf\xe9: 1',
    'A\0: 1',
    'A@: 1',
    'A(: 1',
    'A"B: 1',
    'A: \0',
    'A: \x1f',
    'A: \x0b',
    'A: \x7f',
    'A: b\rc',
    'A: b\r',
    'A: b\rcD: 1',
    'A: b\n\nD: 1',
    'A: b\nc',
    'A\r: b',
    'A\n: b',
    'A: b\nC: d'
  ]) {
    const name = JSON.stringify(line)
    t.throws(() => withFields(line), BROKEN, name)
    t.throws(() => withFields('X: 1', line, 'Y: 2'), BROKEN, name)
    t.throws(() => withFields('X : 1', line, 'Y : 2'), BROKEN, `${name} among blanks before colons`)
  }
})

t.test('a folded value is rejected', async (t) => {
  for (const fold of [' more', '\tmore', ' ', ' B: 2'])
    t.throws(() => withFields('A: 1', fold, 'C: 3'), BROKEN, JSON.stringify(fold))
})

t.test('whitespace between name and colon is removed', async (t) => {
  t.equal(
    passedOn('A : 1', 'B: x : y', 'C \t :', 'd\t:2 : 3', 'E:4'),
    text('A: 1', 'B: x : y', 'C:', 'd:2 : 3', 'E:4')
  )
  t.match(withFields('Content-Length : 7'), { contentLength: 7 })
  t.match(withFields('Transfer-Encoding\t: chunked', 'Connection : close, x', 'X : 1'), {
    chunked: true,
    persistent: false,
    text: text(STATUS)
  })
  t.throws(() => withFields('Content-Length : 7', 'Content-Length: 7'), BROKEN)
})

t.test('connection-specific fields are dropped', async (t) => {
  for (const field of [
    'Connection: close',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'TE: trailers',
    'Transfer-Encoding: chunked',
    'Upgrade: websocket'
  ])
    for (const written of [field, field.toLowerCase(), field.toUpperCase()]) {
      t.equal(passedOn('A: 1', written, 'B: 2'), text('A: 1', 'B: 2'), written)
      t.equal(passedOn(written), '', written)
    }
})

t.test('and so do those that Connection names, in one field or several, before or after', async (t) => {
  const fields = [
    'X-Hop: 1',
    'X-Hop-By: 2',
    'Connection: keep-alive,,x-hop ,\tx-other',
    'x-HOP: 3',
    'connection: X-Late',
    'X-Late: 4',
    'X-Later: 5',
    'X-OTHER:'
  ]
  t.equal(passedOn(...fields), text('X-Hop-By: 2', 'X-Later: 5'))
})

t.test('but never the length', async (t) => {
  const head = withFields('Connection: content-length, x-a', 'content-LENGTH: 42', 'X-A: 1')
  t.match(head, { contentLength: 42, text: text(STATUS, 'content-LENGTH: 42') })
})

t.test('it is known whether a Date is passed on', async (t) => {
  t.ok(withFields('A: 1', 'dAtE: now').hasDate)
  t.notOk(withFields('A: 1', 'X-Date: now', 'Dated: now').hasDate)
  const named = withFields('Date: now', 'Connection: date')
  t.match(named, { hasDate: false, text: text(STATUS) })
})

// Framing by the head

t.test('a length is a number in digits', async (t) => {
  for (const [value, contentLength] of [
    ['0', 0],
    ['42', 42],
    [' \t7\t ', 7],
    ['007', 7],
    ['999999999999999', 999_999_999_999_999]
  ] as const)
    t.match(withFields(`Content-Length:${value}`), { contentLength, chunked: false }, JSON.stringify(value))
})

t.test('an invalid length is rejected', async (t) => {
  for (const value of [
    '',
    ' ',
    '-1',
    '+1',
    '1.0',
    '1e1',
    '0x10',
    'a',
    '5a',
    '5 5',
    '5,5',
    '5, 5',
    '5;',
    '"5"',
    '\xb2',
    '9'.repeat(16),
    '9'.repeat(400)
  ])
    t.throws(() => withFields(`Content-Length: ${value}`), BROKEN, JSON.stringify(value))
})

t.test('two lengths are rejected, even if they are the same', async (t) => {
  for (const [first, second] of [
    ['5', '5'],
    ['5', '6'],
    ['5', '05'],
    ['0', '5'],
    ['5', '0'],
    ['0', '0']
  ] as const) {
    const fields = [`Content-Length: ${first}`, 'A: 1', `content-length: ${second}`]
    t.throws(() => withFields(...fields), BROKEN, `${first} and ${second}`)
  }
})

t.test('the coding is chunks, once, and nothing else', async (t) => {
  for (const value of ['chunked', 'Chunked', 'CHUNKED', ' \tchunked\t '])
    t.match(withFields(`Transfer-Encoding:${value}`), { chunked: true, contentLength: -1 }, value)
  for (const value of [
    '',
    'identity',
    'gzip',
    'gzip, chunked',
    'chunked, gzip',
    'chunked, chunked',
    'chunked,',
    ',chunked',
    'chunked;q=1',
    '"chunked"',
    'chunke',
    'chunkedd',
    'x chunked'
  ])
    t.throws(() => withFields(`Transfer-Encoding: ${value}`), BROKEN, JSON.stringify(value))
  t.throws(() => withFields('Transfer-Encoding: chunked', 'transfer-encoding: chunked'), BROKEN)
})

t.test('blanks around a value are spaces and tabs, and no other byte', async (t) => {
  for (const byte of ['\xa0', '\x85', '\xff']) {
    t.throws(() => withFields(`Content-Length: 5${byte}`), BROKEN)
    t.throws(() => withFields(`Content-Length: ${byte}5`), BROKEN)
    t.throws(() => withFields(`Transfer-Encoding: chunked${byte}`), BROKEN)
    t.throws(() => withFields(`Transfer-Encoding: ${byte}chunked`), BROKEN)
  }
})

t.test('a length and a coding together are rejected', async (t) => {
  const fields = ['Content-Length: 0', 'Transfer-Encoding: chunked']
  t.throws(() => withFields(...fields), BROKEN)
  t.throws(() => withFields(...fields.reverse()), BROKEN)
  t.throws(() => withFields(...fields, 'Connection: content-length, transfer-encoding'), BROKEN)
})

t.test('HTTP/1.0 has no coding', async (t) => {
  t.throws(() => headOf('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked'), BROKEN)
  t.ok(headOf('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked').chunked)
})

t.test('a response that must not have a length loses it', async (t) => {
  const field = 'Content-Length: 5\r\n'
  for (const [status, isKept] of [
    [100, false],
    [101, false],
    [103, false],
    [199, false],
    [200, true],
    [204, false],
    [205, true],
    [304, true],
    [404, true]
  ] as const) {
    const { text } = headOf(`HTTP/1.1 ${status} x`, 'A: 1', field.trim(), 'B: 2')
    t.equal(text, `HTTP/1.1 ${status} x\r\nA: 1\r\n${isKept ? field : ''}B: 2\r\n`)
    t.throws(() => headOf(`HTTP/1.1 ${status} x`, 'Content-Length: x'), BROKEN, `${status}`)
  }
})

t.test('a connection may be used again by its version and its options', async (t) => {
  for (const [version, persistent, ...fields] of [
    ['1.1', true],
    ['1.0', false],
    ['1.1', true, 'Connection: keep-alive'],
    ['1.0', true, 'Connection: keep-alive'],
    ['1.0', true, 'connection: x, Keep-ALIVE ,y'],
    ['1.1', false, 'Connection: close'],
    ['1.1', false, 'Connection: x,,CLOSE\t, y'],
    ['1.1', false, 'Connection: keep-alive', 'Connection: close'],
    ['1.1', false, 'Connection: close', 'Connection: keep-alive'],
    ['1.0', false, 'Connection: close, keep-alive'],
    ['1.1', true, 'Connection: closed, close-not, "close"'],
    ['1.0', false, 'Connection: keep-alives'],
    ['1.0', false, 'Proxy-Connection: keep-alive'],
    ['1.1', true, 'Proxy-Connection: close'],
    ['1.0', false, 'Keep-Alive: timeout=5'],
    ['1.1', true, 'Connection:']
  ] as const)
    t.equal(headOf(`HTTP/${version} 200 OK`, ...fields).persistent, persistent, `${version} ${fields}`)
})

t.test('the timeout of Keep-Alive is read, in seconds', async (t) => {
  for (const [value, keepAliveSeconds] of [
    ['timeout=5', 5],
    ['timeout=5, max=100', 5],
    ['max=100,timeout=5', 5],
    ['max=100 , TimeOut=007', 7],
    ['timeout=0', 0],
    ['timeout=5;x', 5],
    ['max=100', -1],
    ['', -1],
    ['5', -1],
    ['timeout', -1],
    ['timeout=', -1],
    ['timeout=-5', -1],
    ['timeout=5s', -1],
    ['timeout=1.5', -1],
    ['timeout=1e3', -1],
    ['xtimeout=5', -1],
    ['x-timeout=5', -1],
    ['timeout=9999999999', -1]
  ] as const)
    t.equal(withFields(`Keep-Alive: ${value}`).keepAliveSeconds, keepAliveSeconds, value)
  t.equal(withFields('A: timeout=5').keepAliveSeconds, -1)
})

t.test('and in several fields as in one', async (t) => {
  t.equal(withFields('Keep-Alive: max=100', 'Keep-Alive: timeout=5').keepAliveSeconds, 5)
  t.equal(withFields('Keep-Alive: timeout=5', 'Keep-Alive: max=100').keepAliveSeconds, 5)
})

t.test('the protocols of an upgrade are those of all its fields', async (t) => {
  t.equal(withFields('A: 1').upgrade, undefined)
  t.equal(withFields('uPGRADE: WebSocket ').upgrade, 'WebSocket')
  t.equal(withFields('Upgrade: a, b/2', 'Upgrade: c').upgrade, 'a, b/2, c')
})

// Trailers

const NEVER = [
  'Authorization',
  'Connection',
  'Content-Length',
  'Expect',
  'Forwarded',
  'Host',
  'HTTP2-Settings',
  'Keep-Alive',
  'Max-Forwards',
  'Proxy',
  'Proxy-Authorization',
  'Proxy-Connection',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'X-Forwarded-By',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Port',
  'X-Forwarded-Prefix',
  'X-Forwarded-Proto',
  'X-Forwarded-Scheme',
  'X-Forwarded-Server',
  'X-Forwarded-Ssl',
  'X-Real-IP',
  'X-Request-Id'
]

const read = (...lines: string[]) => parseTrailers(lines.map((line) => `${line}\r\n`).join(''))

t.test('order, case, repetition and bytes are kept', async (t) => {
  t.same(read('X-Sum: 1', 'x-B:', 'X-sum:\t2 3 \t', "!#$%&'*+-.^_`|~09:4", 'X-C: a: "caf\xe9"\tb'), [
    ...['X-Sum', '1', 'x-B', '', 'X-sum', '2 3'],
    ...["!#$%&'*+-.^_`|~09", '4', 'X-C', 'a: "caf\xe9"\tb']
  ])
})

t.test('blanks between a name and its colon are removed, and hide no name', async (t) => {
  t.same(read('A : 1', 'B\t \t:2', 'C :', 'D\t: \t3 \t'), ['A', '1', 'B', '2', 'C', '', 'D', '3'])
  for (const name of NEVER) t.same(read(`${name} : x`, 'A: 1', `${name}\t\t:x`), ['A', '1'], name)
})

t.test('a trailer of whitespace is parsed in linear time', async (t) => {
  const before = process.cpuUsage()
  t.throws(() => read(`A:${' '.repeat(16_000)}\0`), BROKEN)
  t.throws(() => read(`A${' '.repeat(16_000)}`), BROKEN)
  t.ok(process.cpuUsage(before).user < 100_000)
})

t.test('blanks around the value of a trailer are spaces and tabs, and no other byte', async (t) => {
  t.same(read('A: \xa0b\xa0 '), ['A', '\xa0b\xa0'])
})

t.test(
  'what frames, routes, authorizes or is of the connection stays behind, in whatever case',
  async (t) => {
    for (const name of NEVER)
      for (const written of [name, name.toLowerCase(), name.toUpperCase(), name.replaceAll('-', '_')]) {
        t.same(read('A: 1', `${written}: x`, 'B: 2'), ['A', '1', 'B', '2'], written)
        t.same(passableTrailers(['A', written, written, 'x', 'B', '2']), ['A', written, 'B', '2'], written)
      }
    for (const name of [
      'Trailers',
      'Hos',
      'X_Sum',
      '_Host',
      'X_Forwarded_Sum',
      'Content-Lengths',
      'X-Host',
      'ETag',
      'Date'
    ])
      t.same(read(`${name}: x`), [name, 'x'])
  }
)

t.test('an invalid trailer is rejected', async (t) => {
  for (const line of [
    '',
    'A',
    ': 1',
    ' A: 1',
    '\tA: 1',
    'A B: 1',
    'A B : 1',
    ' : 1',
    'A\xa0: 1',
    'A\x0b: 1',
    'A@: 1',
    'A: \0',
    'A: \x7f',
    'A: 1\rB',
    'A: 1\nB: 2',
    'A\n: 1'
  ])
    for (const lines of [[line], ['X: 1', line], [line, 'X: 1']])
      t.throws(() => read(...lines), BROKEN, JSON.stringify(lines))
})
