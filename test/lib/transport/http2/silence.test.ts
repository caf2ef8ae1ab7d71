import t from 'tap'
import { Silence } from '../../../../lib/transport/http2/silence.js'

t.test('what owes something is asked when it has been silent, and given time', async (t) => {
  const silence = new Silence()
  const checks = (...timesS: number[]) => timesS.map((s) => silence.check(1000 * s, true))
  t.same(checks(1, 10.9, 11, 12, 30.9), ['fine', 'fine', 'ask', 'fine', 'fine'])
  silence.heard()
  silence.used()
  t.same(checks(31, 40.9, 41, 60.9, 61), ['fine', 'fine', 'ask', 'fine', 'dead'])
})

t.test('a stream on which nothing is said for long is not asked again and again', async (t) => {
  const silence = new Silence()
  const askedS: number[] = []
  for (let s = 1; s < 1000; s++) {
    const found = silence.check(1000 * s, true)
    if (found === 'ask') askedS.push(s)
    // It answers at once, without anything of a response.
    if (found === 'ask') silence.heard()
    t.not(found, 'dead')
  }
  t.same(askedS, [11, 321, 631, 941])
})

t.test('what owes nothing is never asked', async (t) => {
  const silence = new Silence()
  t.same(
    [1000, 100_000].map((ms) => silence.check(ms, false)),
    ['fine', 'fine']
  )
  t.equal(silence.check(109_000, true), 'fine', 'counted from when it owed nothing')
  t.equal(silence.check(110_000, true), 'ask')
})

t.test('who looks late asks first', async (t) => {
  const silence = new Silence()
  t.same(
    [1000, 1_000_000].map((ms) => silence.check(ms, true)),
    ['fine', 'ask']
  )
  t.equal(silence.check(1_000_500, true), 'fine')
})
