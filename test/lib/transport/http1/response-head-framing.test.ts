import t from 'tap'
import { readResponseHead } from '../../../../lib/transport/http1/response-head.js'

const BROKEN = { name: 'BrokenResponse', code: 'LB_BROKEN_RESPONSE' }

const headOf = (...lines: string[]) => readResponseHead(lines.map((line) => `${line}\r\n`).join(''))
const withFields = (...fields: string[]) => headOf('HTTP/1.1 200 OK', ...fields)

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

t.test('a length that is none is refused', async (t) => {
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

t.test('two lengths are refused, even if they are the same', async (t) => {
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

t.test('a length and a coding together are refused', async (t) => {
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

t.test('how long an idle connection is kept is told in seconds, or not', async (t) => {
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

t.test('the protocols that a backend changes to are those of all its fields', async (t) => {
  t.equal(withFields('A: 1').upgrade, undefined)
  t.equal(withFields('uPGRADE: WebSocket ').upgrade, 'WebSocket')
  t.equal(withFields('Upgrade: a, b/2', 'Upgrade: c').upgrade, 'a, b/2, c')
})
