import t from 'tap'
import { seededRandom } from '../../../support/random.js'
import { cut, type Parsed, parse } from '../../../support/recorder.js'
import { EXAMPLES } from '../../../support/responses.js'

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
