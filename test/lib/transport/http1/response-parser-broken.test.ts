import t from 'tap'
import type { RequestInfo } from '../../../../lib/transport/http1/response-parser.js'
import { allCuts, type Parsed, parse, type Told } from '../../../support/recorder.js'

const GET: RequestInfo = { method: 'GET' }
const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`
const INTERIM = 'HTTP/1.1 103 Early\r\n\r\n'
const SWITCH = 'HTTP/1.1 101 Switch\r\n'

/** What came of it wherever it was cut: one and the same, one hopes. How much it took does not count. */
function outcomes(asked: RequestInfo, text: string): Pick<Parsed, 'told' | 'broken'>[] {
  const results = allCuts(Buffer.from(text, 'latin1')).map((parts) => {
    const { told, broken } = parse(asked, parts)
    return { told, broken }
  })
  return [...new Map(results.map((result) => [JSON.stringify(result), result])).values()]
}

t.test('a head that is none is broken, wherever it is cut', async (t) => {
  for (const text of [
    'garbage',
    'GET / HTTP/1.1\r\n',
    'http/1.1 200 OK\r\n\r\n',
    'HTTP/2 200\r\n\r\n',
    '\r\nHTTP/1.1 200 OK\r\n\r\n',
    ' HTTP/1.1 200 OK\r\n\r\n',
    '\n',
    'HTTP/1.1 200 OK\n\n',
    'HTTP/1.1 200 OK\nA: 1\n\n',
    `${OK}\n`,
    `${OK}A: 1\nB: 2`,
    `${OK}A: 1\nB: 2\r\n\r\n`,
    `${OK}A: 1\r\n\nB: 2\r\n\r\n`,
    `${OK}A: 1\rB: 2\r\n\r\n`,
    `${OK}A: 1\r\r\n\r\n`,
    `${OK}A: 1\r\n B: 2\r\n\r\n`,
    `${OK}: 1\r\n\r\n`,
    `${OK}A: \0\r\n\r\n`,
    `${OK}Content-Length: x\r\n\r\n`,
    `${OK}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`,
    `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${OK}Transfer-Encoding: gzip\r\n\r\nx`,
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
  ]) {
    t.same(outcomes(GET, text), [{ told: [], broken: true }], JSON.stringify(text))
    const told: Told[] = [['interim', 'HTTP/1.1 103 Early\r\n']]
    t.same(outcomes(GET, INTERIM + text), [{ told, broken: true }], 'and so after an interim response')
  }
})

t.test('a change of protocol that was not offered is broken', async (t) => {
  for (const [upgrade, ...fields] of [
    [undefined],
    [undefined, 'Upgrade: websocket'],
    ['websocket'],
    ['websocket', 'Upgrade: h2c'],
    ['websocket', 'Upgrade: websocket2'],
    ['websocket', 'Upgrade: websocket, h2c'],
    ['websocket', 'Upgrade: websocket', 'Upgrade: h2c'],
    ['websocket', 'Upgrade:'],
    ['websocket/13', 'Upgrade: websocket']
  ] as const) {
    const text = [...fields, 'Connection: Upgrade', '', 'x'].join('\r\n')
    const asked = { method: 'GET', upgrade }
    t.same(outcomes(asked, SWITCH + text), [{ told: [], broken: true }], `${upgrade}: ${fields}`)
  }
})

t.test('a chunk that is none is broken, and what came before it is told', async (t) => {
  for (const [chunk, data = ''] of [
    ['\r\n'],
    ['x\r\n'],
    [' 5\r\nhello\r\n'],
    ['-5\r\nhello\r\n'],
    ['+5\r\nhello\r\n'],
    ['0x5\r\nhello\r\n'],
    ['5h\r\nhello\r\n'],
    ['\xb2\r\nhe\r\n'],
    [';a\r\nhello\r\n'],
    ['5\nhello\r\n'],
    ['5\rhello\r\n'],
    ['5\r\r\nhello\r\n'],
    ['5;a\nhello\r\n'],
    ['5;a\rb\r\nhello\r\n'],
    ['5;\0\r\nhello\r\n'],
    ['5;\x7f\r\nhello\r\n'],
    ['5;\x1b\r\nhello\r\n'],
    ['00000000000005\r\nhello\r\n'],
    ['10000000000000\r\nhello\r\n'],
    ['ffffffffffffffff\r\nhello\r\n'],
    ['5\r\nhello!\r\n', 'hello'],
    ['5\r\nhello\n', 'hello'],
    ['5\r\nhello\r5', 'hello'],
    ['5\r\nhello5\r\n', 'hello'],
    ['5\r\nhell\r\n0\r\n\r\n', 'hell\r'],
    ['1\r\nx\r\n\r\n0\r\n\r\n', 'x']
  ] as const) {
    const told: Told[] = [
      ['head', OK],
      ['data', `first${data}`]
    ]
    const text = `${CHUNKED}5\r\nfirst\r\n${chunk}`
    t.same(outcomes(GET, text), [{ told, broken: true }], JSON.stringify(chunk))
  }
})

t.test('behind the size of a chunk come blanks and an extension, and nothing else', async (t) => {
  for (const size of ['5 5', '5\t5', '5 x', '5 \xb2', '5  0;a'])
    t.match(
      outcomes(GET, `${CHUNKED}${size}\r\nhello\r\n0\r\n\r\n`),
      [{ broken: true }],
      JSON.stringify(size)
    )
})

t.test('trailers that are none are broken', async (t) => {
  for (const trailer of [
    'A',
    ': 1',
    ' A: 1',
    'A: 1\nB: 2',
    'A: 1\rB: 2',
    'A: \0',
    'A: 1\r\n B: 2',
    'caf\xe9: 1'
  ])
    t.same(
      outcomes(GET, `${CHUNKED}0\r\n${trailer}\r\n\r\n`),
      [{ told: [['head', OK]], broken: true }],
      JSON.stringify(trailer)
    )
})

t.test('an interim response has no body, whatever it declares', async (t) => {
  for (const field of ['Transfer-Encoding: chunked', 'Content-Length: 5', 'Connection: close'])
    t.same(outcomes(GET, `HTTP/1.1 103 Early\r\n${field}\r\n\r\nHTTP/1.1 304 Same\r\n\r\n`), [
      {
        told: [['interim', 'HTTP/1.1 103 Early\r\n'], ['head', 'HTTP/1.1 304 Same\r\n'], ['end']],
        broken: false
      }
    ])
})

t.test('behind a change of protocol nothing is taken for chunks, whatever it declares', async (t) => {
  const text = `${SWITCH}Upgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`
  const [{ told, broken }, ...others] = outcomes({ method: 'GET', upgrade: 'x' }, text) as [Parsed]
  t.same(others, [])
  // It may be refused as well.
  const passed = [
    ['head', SWITCH],
    ['data', '5\r\nhello\r\n']
  ]
  t.same(told, broken ? [] : passed)
})

t.test('a change of protocol in answer to HEAD is one', async (t) => {
  const told: Told[] = [
    ['head', SWITCH],
    ['data', 'hello']
  ]
  t.same(outcomes({ method: 'HEAD', upgrade: 'x' }, `${SWITCH}Upgrade: x\r\n\r\nhello`), [
    { told, broken: false }
  ])
})
