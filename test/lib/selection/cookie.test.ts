import t from 'tap'
import { cookieOf } from '../../../lib/selection/cookie.js'

for (const [field, value] of [
  [undefined, undefined],
  ['', undefined],
  [';', undefined],
  ['lb', undefined],
  ['=lb', undefined],
  ['lb=1', '1'],
  ['lb=', ''],
  ['lb=;a=b', ''],
  ['lb=1;', '1'],
  ['a=b; lb=1', '1'],
  ['a=b;lb=1;c=d', '1'],
  ['a=b;   lb=1  ; c=d', '1'],
  ['a=b;\tlb=\t1\t', '1'],
  [';;; ;lb=1', '1'],
  ['   ', undefined],
  ['a=b;   ', undefined],
  ['lb=1; lb=2', '1'],
  ['lb=; lb=2', ''],
  ['lb="1 2"', '"1 2"'],
  ['lb=a=b==', 'a=b=='],
  ['lb==', '='],
  ['xlb=1', undefined],
  ['lbx=1', undefined],
  ['lb-x=1; lb=2', '2'],
  ['x-lb=1; lb=2', '2'],
  ['LB=1', undefined],
  ['lb =1', undefined],
  ['a=lb=1', undefined],
  ['a= lb=1', undefined],
  ['a="; lb=1"', '1"'],
  ['lb; lb=2', '2'],
  ['l=b; b=l', undefined],
  ['lb', undefined],
  ['a=b; lb', undefined]
] as const) {
  t.test(`lb in ${JSON.stringify(field)}`, async (t) => t.equal(cookieOf(field, 'lb'), value))
}

t.test('names may have signs in them', async (t) => {
  t.equal(cookieOf('__host-lb=1; __Host-lb=2', '__Host-lb'), '2')
  t.equal(cookieOf('axb=1; a.b=2', 'a.b'), '2')
  t.equal(cookieOf('constructor=1', '__proto__'), undefined)
})

t.test('a field of any length is read once', async (t) => {
  const long = 'lb'.repeat(100_000)
  const startMs = performance.now()
  t.equal(cookieOf(`${'; '.repeat(100_000)}${long}; lb=1`, 'lb'), '1')
  t.ok(performance.now() - startMs < 1000)
})
