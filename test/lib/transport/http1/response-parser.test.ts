import t from 'tap'
import { ResponseParser } from '../../../../lib/transport/http1/response-parser.js'
import { allCuts, cut, MAX_HEAD_BYTES, type Parsed, parse, Recorder } from '../../../support/recorder.js'
import { EXAMPLES, type Example } from '../../../support/responses.js'

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

t.test('what comes behind it is not taken', async (t) => {
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
      parser.take(bytes.subarray(0, length))
      const { calls } = recorder
      const isEnd = closes && length >= headEnd
      if (parser.takeEnd() === isEnd && recorder.calls === calls + Number(isEnd)) continue
      t.fail(`${name}, after ${length} bytes`)
    }
  }
  t.pass()
})

t.test('one after another, each told to who has asked for it', async (t) => {
  const parser = new ResponseParser(MAX_HEAD_BYTES)
  const lasting = EXAMPLES.filter(({ closes }) => !closes)
  for (const { asked, bytes, told, persistent, name } of [...lasting, ...lasting.reverse()]) {
    const recorder = new Recorder()
    parser.begin(asked, recorder)
    t.notOk(parser.idle)
    for (const part of cut(bytes, [bytes.length >> 1])) parser.take(part)
    t.same(recorder.told, told, name)
    t.match(parser, { idle: true, persistent }, name)
  }
})

t.test('how long the connection is kept is what the last response said', async (t) => {
  const parser = new ResponseParser(MAX_HEAD_BYTES)
  const interim = 'HTTP/1.1 103 Early\r\nKeep-Alive: timeout=9\r\n\r\n'
  for (const [field, keepAliveSeconds] of [
    ['A: 1', -1],
    ['Keep-Alive: timeout=5', 5],
    ['A: 1', -1]
  ] as const) {
    parser.begin({ method: 'HEAD' }, new Recorder())
    parser.take(Buffer.from(`${interim}HTTP/1.1 200 OK\r\n${field}\r\n\r\n`))
    t.equal(parser.keepAliveSeconds, keepAliveSeconds)
  }
})

t.test('without a request nothing is taken or told', async (t) => {
  const parser = new ResponseParser(MAX_HEAD_BYTES)
  const recorder = new Recorder()
  t.equal(parser.take(MORE), 0)
  parser.begin({ method: 'HEAD' }, recorder)
  parser.take(MORE)
  const { calls } = recorder
  t.equal(parser.take(MORE), 0)
  t.notOk(parser.takeEnd())
  t.equal(recorder.calls, calls)
})

t.test('who stops it from within is told nothing more', async (t) => {
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
        for (const part of parts) parser.take(part)
        if (closes) parser.takeEnd()
        if (recorder.calls !== calls) t.fail(`${name}: ${recorder.calls} calls instead of ${calls}`)
        if (recorder.calls !== calls) break
      }
    }
  }
  t.pass()
})

t.test('another one can be told what follows the head', async (t) => {
  const parser = new ResponseParser(MAX_HEAD_BYTES)
  const first = new Recorder()
  const second = new Recorder()
  first.onCall = () => parser.redirect(second)
  parser.begin({ method: 'GET', upgrade: 'x' }, first)
  parser.take(Buffer.from('HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\nhello'))
  parser.take(Buffer.from(' world'))
  t.ok(parser.takeEnd())
  t.same(first.told, [['head', 'HTTP/1.1 101 Switch\r\n']])
  t.same(second.told, [['data', 'hello world'], ['end']])
})
