import { gzipSync } from 'node:zlib'
import { eventually, test } from '../helper.js'
import { OK } from '../support/raw-backend.js'
import { type Field, fieldValues, statusOf } from '../support/wire.js'
import { type Case, openStage, testCases } from './harness.js'

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1')

const BODIES: readonly [type: string, body: string][] = [
  ['application/json', '{"a": '],
  ['application/json', ''],
  ['application/json; charset=utf-8', '{"__proto__": {"a": 1}, "a": 1, "a": 2}'],
  ['application/x-www-form-urlencoded', 'a=%zz&&&=b'],
  ['multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data\r\n\r\nhalf'],
  ['multipart/form-data', 'no boundary'],
  ['text/plain', 'caf\xe9\0\r\n\r\n'],
  ['application/octet-stream', EVERY_BYTE],
  ['application/gzip', gzipSync('hello').toString('latin1')],
  ['of nothing', 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['', '0\r\n\r\n']
]

const declared = ([type, body]: (typeof BODIES)[number]): Case => ({
  name: `${body.length} bytes of ${type}, declared`,
  section: 'RFC 9110, 6.4',
  sent: `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  arrives: {
    framing: 'length',
    body,
    fields: [
      ['Content-Type', type],
      ['Content-Length', `${body.length}`]
    ]
  }
})
const inChunks = ([type, body]: (typeof BODIES)[number]): Case => ({
  name: `${body.length} bytes of ${type}, in chunks`,
  section: 'RFC 9112, 7.1',
  sent: `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: ${type}\r\n\r\n${[...body]
    .map((char) => `1\r\n${char}\r\n`)
    .join('')}0\r\n\r\n`,
  arrives: { framing: 'chunked', body, fields: [['Content-Type', type]], trailers: [] }
})

testCases('a body arrives byte for byte', [
  ...BODIES.map(declared),
  ...BODIES.filter(([, body]) => body !== '').map(inChunks)
])

const HELLO = '5\r\nhello\r\n0\r\n'
const chunked = (
  name: string,
  section: string,
  coding: string,
  body: string,
  trailers: Field[] = []
): Case => ({
  name,
  section,
  sent: `PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding${coding}\r\n\r\n${body}\r\n`,
  arrives: { framing: 'chunked', body: 'hello', trailers }
})

testCases('a body in chunks stays one', [
  chunked('chunked in other case', 'RFC 9112, 7', ': cHUNKED', HELLO),
  chunked('chunked without white space', 'RFC 9112, 5', ':chunked', HELLO),
  chunked('chunked behind white space', 'RFC 9112, 5', ':\t  chunked', HELLO),
  chunked('digits in upper case', 'RFC 9112, 7.1', ': chunked', '00005\r\nhello\r\n0000\r\n'),
  chunked(
    'extensions, which go no further',
    'RFC 9112, 7.1.1',
    ': chunked',
    '5;a;b=c;d="e"\r\nhello\r\n0;x=y\r\n'
  ),
  chunked('trailers', 'RFC 9112, 7.1.2', ': chunked', `${HELLO}X-Sum: 1f\r\nX-Latin: \xe9\r\nx-sum: 2\r\n`, [
    ['X-Sum', '1f'],
    ['X-Latin', '\xe9'],
    ['x-sum', '2']
  ]),
  chunked(
    'trailers of the connection',
    'RFC 9110, 7.6.1',
    ': chunked',
    `${HELLO}Connection: X\r\nX-Sum: 1\r\n`,
    [['X-Sum', '1']]
  ),
  chunked('a trailer that names a host', 'RFC 9110, 6.5.1', ': chunked', `${HELLO}Host: y\r\nX-Sum: 1\r\n`, [
    ['X-Sum', '1']
  ]),
  chunked(
    'a trailer that would name the client',
    'RFC 9110, 6.5.1',
    ': chunked',
    `${HELLO}X-Forwarded-For: 6\r\nX: 1\r\n`,
    [['X', '1']]
  ),
  chunked(
    'a trailer of credentials',
    'RFC 9110, 6.5.1',
    ': chunked',
    `${HELLO}Authorization: x\r\nX: 1\r\n`,
    [['X', '1']]
  )
])

test('a trailer that would frame the request does not arrive', async (t) => {
  const stage = await openStage(t)
  for (const trailer of ['Content-Length: 3', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip']) {
    const client = await stage.client()
    client.send(
      `PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${HELLO}${trailer}\r\nX: 1\r\n\r\n`
    )
    const response = await client.response()
    t.ok([200, 400].includes(statusOf(response)), `${trailer} (RFC 9110, 6.5.1)`)
    const arrived = stage.requests.flatMap(({ trailers }) => trailers.filter(([name]) => name !== 'X'))
    t.same(arrived, [], `${trailer} (RFC 9110, 6.5.1)`)
    t.ok(await stage.isWell())
  }
})

test('a request without a body stays one', async (t) => {
  const stage = await openStage(t)
  for (const [method, line, lengths] of [
    ['GET', '', [[]]],
    ['DELETE', '', [[]]],
    ['HEAD', '', [[]]],
    ['POST', '', [[], ['0']]],
    ['PUT', '', [[], ['0']]],
    ['POST', 'Content-Length: 0\r\n', [['0']]],
    ['PUT', 'Content-Length: 0\r\n', [['0']]],
    ['PATCH', 'Content-Length: 0\r\n', [['0']]],
    ['GET', 'Content-Length: 0\r\n', [['0'], []]]
  ] as const) {
    const { request } = await stage.ask(`${method} / HTTP/1.1\r\nHost: x\r\n${line}\r\n`, OK, {
      head: method === 'HEAD'
    })
    const got = fieldValues(request!.fields, 'content-length').join()
    t.ok(lengths.map(String).includes(got), `${method} ${line.trim()}: ${got} (RFC 9110, 8.6)`)
    t.same(fieldValues(request!.fields, 'transfer-encoding'), [], `${method} ${line.trim()} (RFC 9112, 6.3)`)
  }
})

test('a body passes while it is being sent', async (t) => {
  const stage = await openStage(t)
  for (const [framing, first, rest] of [
    ['Content-Length: 10', 'hello', 'world'],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n', '5\r\nworld\r\n0\r\n\r\n']
  ] as const) {
    let arrived = ''
    stage.raw = (bytes, socket) => {
      arrived = bytes.toString('latin1')
      if (arrived.includes('world')) socket.end(OK)
    }
    const client = await stage.client()
    client.send(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`)
    await t.resolves(
      eventually(() => arrived.includes('\r\n\r\n')),
      `the head comes first: ${framing}`
    )
    client.send(first)
    await t.resolves(
      eventually(() => arrived.includes('hello')),
      `then what there is: ${framing} (RFC 9112, 7.1)`
    )
    client.send(rest)
    t.equal(statusOf(await client.response()), 200)
    await stage.reset()
  }
})

test('a body that its client does not finish is not finished for the backend', async (t) => {
  const stage = await openStage(t)
  for (const [framing, part] of [
    ['Content-Length: 10', 'hello'],
    ['Content-Length: 10', ''],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n'],
    ['Transfer-Encoding: chunked', '9\r\nhello'],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\nX: y\r\n']
  ] as const) {
    for (const how of ['end', 'destroy'] as const) {
      const before = stage.bytes
      const client = await stage.client()
      client.send(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n${part}`)
      await eventually(() => stage.bytes > before, 500).catch(() => {})
      client.socket[how]()
      await eventually(() => stage.usedConnections() === 0).catch(() => {})
      t.equal(stage.usedConnections(), 0, `${how} amid ${framing}, ${part.length} bytes (RFC 9112, 8)`)
      client.socket.destroy()
    }
  }
  t.same(stage.requests, [])
  t.ok(await stage.isWell())
})
