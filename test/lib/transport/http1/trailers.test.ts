import t from 'tap'
import { passableTrailers, readTrailers } from '../../../../lib/transport/http1/trailers.js'

const BROKEN = { name: 'BrokenResponse', code: 'LB_BROKEN_RESPONSE' }
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

const read = (...lines: string[]) => readTrailers(lines.map((line) => `${line}\r\n`).join(''))

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

t.test('a trailer of blanks is read in no time', async (t) => {
  const startMs = performance.now()
  t.throws(() => read(`A:${' '.repeat(16_000)}\0`), BROKEN)
  t.throws(() => read(`A${' '.repeat(16_000)}`), BROKEN)
  t.ok(performance.now() - startMs < 50)
})

t.test('blanks around a value are spaces and tabs, and no other byte', async (t) => {
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

t.test('a trailer that is none is refused', async (t) => {
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
