import t from 'tap'
import type { RequestInfo } from '../../../../lib/transport/http1/response-parser.js'
import { ResponseParser } from '../../../../lib/transport/http1/response-parser.js'
import { allCuts, parse, Recorder } from '../../../support/recorder.js'

const GET: RequestInfo = { method: 'GET' }
const LIMIT = 100
const MAX_EXTENSION_BYTES = 4096
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

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
    for (; taken < bytes.length; taken++) parser.take(bytes.subarray(taken, taken + 1))
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
    for (let at = 0; at < bytes.length; at++) parser.take(bytes.subarray(at, at + 1))
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  takeIn(500)
  const best = (lines: number) => Math.min(...Array.from({ length: 3 }, () => takeIn(lines)))
  const ratio = best(8000) / best(1000)
  t.ok(ratio < 30, `8 times the size takes ${ratio.toFixed(1)} times as long, and not 64`)
})
