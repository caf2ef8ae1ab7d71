import t from 'tap'
import { Silence } from '../../../lib/http2/silence.js'

t.test('what owes something is asked when it has been silent, and given time', async (t) => {
  const silence = new Silence()
  const checks = (...timesS: number[]) => timesS.map((s) => silence.check(1000 * s, true))
  t.same(checks(1, 10.9, 11, 12, 30.9), ['fine', 'fine', 'ask', 'fine', 'fine'])
  silence.heard()
  t.same(checks(31, 40.9, 41, 60.9, 61), ['fine', 'fine', 'ask', 'fine', 'dead'])
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
