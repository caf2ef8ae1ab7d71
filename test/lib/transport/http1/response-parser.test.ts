import t from 'tap'
import { type RequestInfo, ResponseParser } from '../../../../lib/transport/http1/response-parser.js'
import { seededRandom } from '../../../support/random.js'
import {
  allCuts,
  cut,
  MAX_HEAD_BYTES,
  type Parsed,
  parse,
  Recorder,
  type Told
} from '../../../support/recorder.js'
import { EXAMPLES, type Example } from '../../../support/responses.js'

// Response parser

/** What comes behind a response: bytes of another one. */
const MORE = Buffer.from('HTTP/1.1 500 More\r\n\r\n0\r\n\r\n')

const wanted = ({ told, bytes, persistent }: Example): Parsed => ({
  told,
  taken: bytes.length,
  ended: true,
  persistent,
  broken: false
})

/** The different results, which ought to be one. */
const distinct = (results: readonly Parsed[]) => [
  ...new Map(results.map((parsed) => [JSON.stringify(parsed), parsed])).values()
]

t.test('a response is the same, wherever it is cut', async (t) => {
  for (const example of EXAMPLES) {
    const { name, asked, bytes, closes } = example
    const results = allCuts(bytes).map((parts) => parse(asked, parts, { closes }))
    t.same(distinct(results), [wanted(example)], name)
  }
})

t.test('bytes after a response are not consumed', async (t) => {
  for (const example of EXAMPLES) {
    if (example.closes) continue
    const bytes = Buffer.concat([example.bytes, MORE])
    const results = allCuts(bytes).map((parts) => parse(example.asked, parts))
    t.same(distinct(results), [wanted(example)], example.name)
  }
})

t.test('the end of the connection is that of a response which has no other', async (t) => {
  for (const { name, asked, bytes, closes, told } of EXAMPLES) {
    const [, body = ''] = told.find(([part]) => part === 'data') ?? []
    const headEnd = bytes.length - body.length
    for (let length = 0; length <= bytes.length; length++) {
      const parser = new ResponseParser(MAX_HEAD_BYTES)
      const recorder = new Recorder()
      parser.begin(asked, recorder)
      parser.parse(bytes.subarray(0, length))
      const { calls } = recorder
      const isEnd = closes && length >= headEnd
      if (parser.finish() === isEnd && recorder.calls === calls + Number(isEnd)) continue
      t.fail(`${name}, after ${length} bytes`)
    }
  }
  t.pass()
})

t.test('responses one after another go to the sinks of their requests', async (t) => {
  const parser = new ResponseParser(MAX_HEAD_BYTES)
  const lasting = EXAMPLES.filter(({ closes }) => !closes)
  for (const { asked, bytes, told, persistent, name } of [...lasting, ...lasting.reverse()]) {
    const recorder = new Recorder()
    parser.begin(asked, recorder)
    t.notOk(parser.isIdle)
    for (const part of cut(bytes, [bytes.length >> 1])) parser.parse(part)
    t.same(recorder.told, told, name)
    t.match(parser, { isIdle: true, persistent }, name)
  }
})

t.test('the keep-alive timeout is that of the latest response', async (t) => {
  const parser = new ResponseParser(MAX_HEAD_BYTES)
  const interim = 'HTTP/1.1 103 Early\r\nKeep-Alive: timeout=9\r\n\r\n'
  for (const [field, keepAliveSeconds] of [
    ['A: 1', -1],
    ['Keep-Alive: timeout=5', 5],
    ['A: 1', -1]
  ] as const) {
    parser.begin({ method: 'HEAD' }, new Recorder())
    parser.parse(Buffer.from(`${interim}HTTP/1.1 200 OK\r\n${field}\r\n\r\n`))
    t.equal(parser.keepAliveSeconds, keepAliveSeconds)
  }
})

t.test('without a request nothing is consumed or passed on', async (t) => {
  const parser = new ResponseParser(MAX_HEAD_BYTES)
  const recorder = new Recorder()
  t.equal(parser.parse(MORE), 0)
  parser.begin({ method: 'HEAD' }, recorder)
  parser.parse(MORE)
  const { calls } = recorder
  t.equal(parser.parse(MORE), 0)
  t.notOk(parser.finish())
  t.equal(recorder.calls, calls)
})

t.test('a sink that stops the parser is not called again', async (t) => {
  for (const { name, asked, bytes, closes } of EXAMPLES) {
    for (const parts of [cut(bytes, []), cut(bytes, [bytes.length - 3]), cut(bytes, [...bytes.keys()])]) {
      for (let calls = 1, ended = false; !ended; calls++) {
        const parser = new ResponseParser(MAX_HEAD_BYTES)
        const recorder = new Recorder()
        recorder.onCall = () => {
          ended = recorder.told.at(-1)![0] === 'end'
          if (recorder.calls === calls) parser.stop()
        }
        parser.begin(asked, recorder)
        for (const part of parts) parser.parse(part)
        if (closes) parser.finish()
        if (recorder.calls !== calls) t.fail(`${name}: ${recorder.calls} calls instead of ${calls}`)
        if (recorder.calls !== calls) break
      }
    }
  }
  t.pass()
})

t.test('what follows the head can be passed to another sink', async (t) => {
  const parser = new ResponseParser(MAX_HEAD_BYTES)
  const first = new Recorder()
  const second = new Recorder()
  first.onCall = () => parser.setDataSink(second)
  parser.begin({ method: 'GET', upgrade: 'x' }, first)
  parser.parse(Buffer.from('HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\nhello'))
  parser.parse(Buffer.from(' world'))
  t.ok(parser.finish())
  t.same(first.told, [['head', 'HTTP/1.1 101 Switch\r\n']])
  t.same(second.told, [['data', 'hello world'], ['end']])
})

// Broken responses

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

t.test('an invalid head is rejected, wherever it is cut', async (t) => {
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

t.test('an upgrade that was not offered is rejected', async (t) => {
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

t.test('an invalid chunk is rejected, and the data before it is passed on', async (t) => {
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

t.test('after the size of a chunk only whitespace and an extension are allowed', async (t) => {
  for (const size of ['5 5', '5\t5', '5 x', '5 \xb2', '5  0;a'])
    t.match(
      outcomes(GET, `${CHUNKED}${size}\r\nhello\r\n0\r\n\r\n`),
      [{ broken: true }],
      JSON.stringify(size)
    )
})

t.test('invalid trailers are rejected', async (t) => {
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

t.test('after an upgrade nothing is parsed as chunks, whatever the head declares', async (t) => {
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

t.test('an upgrade in response to HEAD is one', async (t) => {
  const told: Told[] = [
    ['head', SWITCH],
    ['data', 'hello']
  ]
  t.same(outcomes({ method: 'HEAD', upgrade: 'x' }, `${SWITCH}Upgrade: x\r\n\r\nhello`), [
    { told, broken: false }
  ])
})

// Limits of the parser

const LIMIT = 100
const MAX_EXTENSION_BYTES = 4096

/** A head of so many bytes, without the blank line. */
const headOf = (size: number, start = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: ') =>
  Buffer.from(`${start.padEnd(size - 2, 'a')}\r\n`)
const END = Buffer.from('\r\n')

/** Whether it breaks, wherever it is cut. */
const breaks = (...parts: Buffer[]) => [
  ...new Set(allCuts(Buffer.concat(parts)).map((cut) => parse(GET, cut, { maxHeadBytes: LIMIT }).broken))
]

t.test('a head may be so large and no larger, in one piece', async (t) => {
  const whole = (size: number) =>
    parse(GET, [Buffer.concat([headOf(size + 2), END])], { maxHeadBytes: LIMIT }).broken
  t.notOk(whole(LIMIT - 1))
  t.notOk(whole(LIMIT))
  t.ok(whole(LIMIT + 1))
})

t.test('nor does it matter where it is cut', async (t) => {
  for (const [size, isBroken] of [
    [LIMIT - 10, false],
    [LIMIT - 1, false],
    [LIMIT, false],
    [LIMIT + 1, true],
    [LIMIT + 10, true],
    [LIMIT * 3, true]
  ] as const)
    t.same(breaks(headOf(size + 2), END), [isBroken], `${size}`)
})

t.test('a head that never ends breaks when it is too large', async (t) => {
  const parser = new ResponseParser(LIMIT)
  parser.begin(GET, new Recorder())
  const bytes = Buffer.concat([headOf(3 * LIMIT)])
  let taken = 0
  t.throws(() => {
    for (; taken < bytes.length; taken++) parser.parse(bytes.subarray(taken, taken + 1))
  })
  t.ok(taken >= LIMIT && taken <= LIMIT + 4, `after ${taken} bytes`)
})

t.test('each interim response may be as large', async (t) => {
  const interim = headOf(LIMIT - 10, 'HTTP/1.1 103 Early\r\nA: ')
  const head = headOf(LIMIT - 10)
  t.same(breaks(interim, END, interim, END, interim, END, head, END), [false])
  const larger = headOf(LIMIT + 10, 'HTTP/1.1 103 Early\r\nA: ')
  t.same(breaks(interim, END, larger, END, head, END), [true])
})

t.test('trailers may be as large, whatever the size of head and body', async (t) => {
  const body = `${CHUNKED}64\r\n${'x'.repeat(100)}\r\n0\r\n`
  const trailers = (size: number) => Buffer.from(`${'A: '.padEnd(size - 2, 'a')}\r\n`)
  t.same(breaks(Buffer.from(body), trailers(LIMIT - 10), END), [false])
  t.same(breaks(Buffer.from(body), trailers(LIMIT + 10), END), [true])
  t.same(breaks(Buffer.from(body), trailers(LIMIT * 3)), [true], 'also if they never end')
})

t.test('extensions of a chunk have a limit of their own', async (t) => {
  const extended = (size: number) => [
    Buffer.from(`${CHUNKED}1;`),
    Buffer.alloc(size, 'e'),
    Buffer.from('\r\nx\r\n0\r\n\r\n')
  ]
  for (const [size, isBroken] of [
    [MAX_EXTENSION_BYTES, false],
    [MAX_EXTENSION_BYTES + 1, true]
  ] as const) {
    const parts = extended(size)
    t.equal(parse(GET, [Buffer.concat(parts)]).broken, isBroken, `${size}`)
    t.equal(parse(GET, parts).broken, isBroken, `${size} in parts`)
  }
  t.equal(parse(GET, extended(MAX_EXTENSION_BYTES + 1).slice(0, 2)).broken, true, 'also if they never end')
})

t.test('every chunk may have as many', async (t) => {
  const chunk = `1;${'e'.repeat(MAX_EXTENSION_BYTES - 1)}\r\nx\r\n`
  const { broken, ended } = parse(GET, [Buffer.from(`${CHUNKED}${chunk.repeat(3)}0\r\n\r\n`)])
  t.same([broken, ended], [false, true])
})

t.test('a chunk or a body may be larger than 2^32 bytes', async (t) => {
  for (const head of [
    `${CHUNKED}fffffffffffff\r\n`,
    `${CHUNKED}100000005\r\n`,
    'HTTP/1.1 200 OK\r\nContent-Length: 4294967301\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n'
  ]) {
    const { told, ended, broken } = parse(GET, [Buffer.from(`${head}hello`), Buffer.from('!\r\n0\r\n\r\n')])
    t.same([told[1], ended, broken], [['data', 'hello!\r\n0\r\n\r\n'], false, false], head)
  }
})

t.test('a head in single bytes takes time in proportion to its size', async (t) => {
  const takeIn = (lines: number) => {
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${`A: ${'a'.repeat(58)}\r\n`.repeat(lines)}\r\n`)
    const parser = new ResponseParser(bytes.length)
    parser.begin({ method: 'HEAD' }, new Recorder())
    const before = process.cpuUsage()
    for (let at = 0; at < bytes.length; at++) parser.parse(bytes.subarray(at, at + 1))
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  takeIn(500)
  const best = (lines: number) => Math.min(...Array.from({ length: 3 }, () => takeIn(lines)))
  const ratio = best(8000) / best(1000)
  t.ok(ratio < 30, `8 times the size takes ${ratio.toFixed(1)} times as long, and not 64`)
})

// Responses changed at random

const SEED = Number(process.env.FAIRLEAD_TEST_SEED ?? 42)
const ROUNDS = 4000
const MOST_CHANGES = 4
const MOST_CUTS = 6

/** What readers like to disagree about. */
const SPLINTERS = [
  '\r\n',
  '\r',
  '\n',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '0',
  '0\r\n\r\n',
  'ff\r\n',
  '\r\n ',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: close, x\r\n',
  'HTTP/1.1 204 No\r\n\r\n',
  'HTTP/1.0 ',
  '\xff'
].map((text) => Buffer.from(text, 'latin1'))

const random = seededRandom(SEED)
const below = (limit: number) => Math.floor(random() * limit)
const oneOf = <T>(list: readonly T[]): T => list[below(list.length)]!

/** The bytes with something at some place overwritten, left out, put in or repeated. */
function mutated(bytes: Buffer): Buffer {
  const at = below(bytes.length + 1)
  const to = Math.min(at + 1 + below(5), bytes.length)
  const middles = [
    () => Buffer.from([below(256)]),
    () => Buffer.alloc(0),
    () => oneOf(SPLINTERS),
    () => Buffer.concat([oneOf(SPLINTERS), bytes.subarray(at, to)]),
    () => Buffer.concat([bytes.subarray(at, to), bytes.subarray(at, to)]),
    () => Buffer.from(bytes.toString('latin1', at, to).toUpperCase(), 'latin1')
  ]
  return Buffer.concat([bytes.subarray(0, at), oneOf(middles)(), bytes.subarray(to)])
}

function randomCuts(bytes: Buffer): Buffer[] {
  const places = Array.from({ length: 1 + below(MOST_CUTS) }, () => below(bytes.length + 1))
  return cut(
    bytes,
    places.sort((a, b) => a - b)
  ).filter(({ length }) => length > 0)
}

/** Without what depends on the cut: how much was taken of a response that is broken. */
const comparable = ({ taken, ...parsed }: Parsed) =>
  JSON.stringify({ ...parsed, taken: !parsed.broken && taken })

t.test('changed at random, a response is broken or not, wherever it is cut', async (t) => {
  t.comment(`seed ${SEED}`)
  const counts = { broken: 0, ended: 0, unfinished: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    const { asked, bytes: original, closes } = oneOf(EXAMPLES)
    let bytes = original
    for (let changes = 1 + below(MOST_CHANGES); changes > 0; changes--) bytes = mutated(bytes)
    const name = JSON.stringify(bytes.toString('latin1'))
    const wholes = bytes.length > 0 ? [bytes] : []
    // Anything else than `BrokenResponse` is thrown on.
    const whole = parse(asked, wholes, { closes })
    for (const parts of [randomCuts(bytes), cut(bytes, [...bytes.keys()].slice(1))]) {
      const inParts = parse(asked, parts, { closes })
      if (comparable(inParts) !== comparable(whole)) t.same(inParts, whole, name)
    }
    const data = whole.told
      .filter(([part]) => part === 'data')
      .reduce((sum, [, text]) => sum + text!.length, 0)
    if (data > bytes.length || whole.taken > bytes.length) t.fail(`more than there is: ${name}`)
    if (whole.told.filter(([part]) => part === 'end').length > Number(whole.ended))
      t.fail(`ends twice: ${name}`)
    counts[whole.broken ? 'broken' : whole.ended ? 'ended' : 'unfinished']++
  }
  t.comment(JSON.stringify(counts))
  for (const [kind, count] of Object.entries(counts)) t.ok(count > ROUNDS / 20, `some are ${kind}`)
})
