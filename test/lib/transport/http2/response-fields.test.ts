import t from 'tap'
import { headOf, trailersOf } from '../../../../lib/transport/http2/stream/response-fields.js'

t.test('a head in the text of HTTP/1.1', async (t) => {
  const fields = ['x-a', '1', 'content-length', '5', 'date', 'now', 'set-cookie', 'a', 'set-cookie', 'b\xff']
  t.match(headOf([':status', '200', ...fields]), {
    statusCode: 200,
    contentLength: 5,
    hasDate: true,
    text: 'HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 5\r\ndate: now\r\nset-cookie: a\r\nset-cookie: b\xff\r\n'
  })
  t.match(headOf([':status', '299']), { contentLength: -1, hasDate: false, text: 'HTTP/1.1 299 \r\n' })
})

t.test('blanks within a value stay', async (t) => {
  t.equal(headOf([':status', '200', 'x', 'a \t b', 'y', '']).text, 'HTTP/1.1 200 OK\r\nx: a \t b\r\ny: \r\n')
})

t.test('where there can be no body there is no length', async (t) => {
  for (const [status, isThere] of [
    ['103', false],
    ['204', false],
    ['304', true]
  ] as const) {
    const { text } = headOf([':status', status, 'content-length', '5'])
    t.equal(text.includes('content-length'), isThere, status)
  }
})

const BROKEN: Record<string, string[]> = {
  'no field': [],
  'no status': ['x', 'y'],
  'a status behind another field': ['x', 'y', ':status', '200'],
  'two of them': [':status', '200', ':status', '200'],
  'a status of two digits': [':status', '20'],
  'a status that is none': [':status', '2oo'],
  'a status below 100': [':status', '099'],
  'a change of protocol': [':status', '101'],
  'a pseudo-field of requests': [':status', '200', ':path', '/'],
  'a name in capitals': [':status', '200', 'X-A', '1'],
  'a name with a blank': [':status', '200', 'x a', '1'],
  'a name with a colon': [':status', '200', 'x:a', '1'],
  'a name that is empty': [':status', '200', '', '1'],
  'a blank ahead of a value': [':status', '200', 'x', ' a'],
  'a blank behind a value': [':status', '200', 'x', 'a\t'],
  'a value of a blank': [':status', '200', 'x', ' '],
  'a line break in a name': [':status', '200', 'x\r\ny', '1'],
  'a line break in a value': [':status', '200', 'x', 'a\r\ny: b'],
  'a NUL in a value': [':status', '200', 'x', 'a\0'],
  'a control character in a value': [':status', '200', 'x', 'a\x7f'],
  'a length that is none': [':status', '200', 'content-length', '-5'],
  'a length that is a list': [':status', '200', 'content-length', '5, 5'],
  'two lengths': [':status', '200', 'content-length', '5', 'content-length', '5'],
  ...Object.fromEntries(
    ['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade'].map((name) => [
      name,
      [':status', '200', name, 'x']
    ])
  )
}
for (const [what, fields] of Object.entries(BROKEN)) {
  t.test(`${what}: broken`, async (t) => {
    t.throws(() => headOf(fields), { code: 'LB_BROKEN_RESPONSE' })
  })
}

t.test('trailers, without those of which nothing may come', async (t) => {
  t.same(trailersOf(['grpc-status', '0', 'content-length', '5', 'x', 'y']), ['grpc-status', '0', 'x', 'y'])
  for (const fields of [
    [':status', '200'],
    ['X', 'y'],
    ['x', 'a\nb'],
    ['x', 'a '],
    ['connection', 'close']
  ])
    t.throws(() => trailersOf(fields), { code: 'LB_BROKEN_RESPONSE' }, fields.join())
})
