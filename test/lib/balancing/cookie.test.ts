import t from 'tap'
import { cookiesOf } from '../../../lib/balancing/cookie.js'

for (const [field, values] of [
  [undefined, []],
  ['', []],
  [';', []],
  ['lb', []],
  ['=lb', []],
  ['lb=1', ['1']],
  ['lb=', ['']],
  ['lb=;a=b', ['']],
  ['lb=1;', ['1']],
  ['a=b; lb=1', ['1']],
  ['a=b;lb=1;c=d', ['1']],
  ['a=b;   lb=1  ; c=d', ['1']],
  ['a=b;\tlb=\t1\t', ['1']],
  [';;; ;lb=1', ['1']],
  ['   ', []],
  ['a=b;   ', []],
  ['lb=1; lb=2', ['1', '2']],
  ['lb=; lb=2', ['', '2']],
  ['lb=1; a=b; lb=2;lb=1', ['1', '2', '1']],
  ['lb="1 2"', ['"1 2"']],
  ['lb=a=b==', ['a=b==']],
  ['lb==', ['=']],
  ['xlb=1', []],
  ['lbx=1', []],
  ['lb-x=1; lb=2', ['2']],
  ['x-lb=1; lb=2', ['2']],
  ['LB=1', []],
  ['lb =1', []],
  ['a=lb=1', []],
  ['a= lb=1', []],
  ['a="; lb=1"', ['1"']],
  ['lb; lb=2', ['2']],
  ['l=b; b=l', []],
  ['lb', []],
  ['a=b; lb', []]
] as const) {
  t.test(`lb in ${JSON.stringify(field)}`, async (t) => t.same(cookiesOf(field, 'lb'), values))
}

t.test('names may have signs in them', async (t) => {
  t.same(cookiesOf('__host-lb=1; __Host-lb=2', '__Host-lb'), ['2'])
  t.same(cookiesOf('axb=1; a.b=2', 'a.b'), ['2'])
  t.same(cookiesOf('constructor=1', '__proto__'), [])
})

t.test('a field of any length is read once', async (t) => {
  const long = 'lb'.repeat(100_000)
  const startMs = performance.now()
  t.same(cookiesOf(`${'; '.repeat(100_000)}${long}; lb=1`, 'lb'), ['1'])
  t.ok(performance.now() - startMs < 1000)
})
