import t from 'tap'
import { readResponseHead } from '../../../../lib/transport/http1/response-head.js'

const BROKEN = { name: 'BrokenResponse', code: 'LB_BROKEN_RESPONSE' }
const STATUS = 'HTTP/1.1 200 OK'

const text = (...lines: string[]) => lines.map((line) => `${line}\r\n`).join('')
const headOf = (...lines: string[]) => readResponseHead(text(...lines))
/** The head of a response that has these fields. */
const withFields = (...fields: string[]) => headOf(STATUS, ...fields)
/** The lines of its fields that go on. */
const passedOn = (...fields: string[]) => withFields(...fields).text.slice(STATUS.length + 2)

t.test('a status line goes on as it is', async (t) => {
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

t.test('a status line that is none is refused', async (t) => {
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

t.test('a field that is none is refused', async (t) => {
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

t.test('a value that goes on in the next line is refused', async (t) => {
  for (const fold of [' more', '\tmore', ' ', ' B: 2'])
    t.throws(() => withFields('A: 1', fold, 'C: 3'), BROKEN, JSON.stringify(fold))
})

t.test('blanks between name and colon are removed', async (t) => {
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

t.test('fields of the connection stay behind', async (t) => {
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

t.test('whether there is a Date that goes on is noticed', async (t) => {
  t.ok(withFields('A: 1', 'dAtE: now').hasDate)
  t.notOk(withFields('A: 1', 'X-Date: now', 'Dated: now').hasDate)
  const named = withFields('Date: now', 'Connection: date')
  t.match(named, { hasDate: false, text: text(STATUS) })
})
