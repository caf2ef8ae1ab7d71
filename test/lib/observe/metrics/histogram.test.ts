import t from 'tap'
import { DURATION_BOUNDS, Histogram } from '../../../../lib/observe/metrics/histogram.js'

t.test('a duration is in the first bucket whose bound it does not pass', async (t) => {
  const buckets = new Histogram([0.1, 1, 10])
  for (const seconds of [0, 0.1, 0.1000001, 1, 9.9, 10, 10.1, 1e6]) buckets.observe(seconds)
  t.same([...buckets.counts], [2, 2, 2, 2])
  t.ok(Math.abs(buckets.sum - (0.2000001 + 1 + 9.9 + 10 + 10.1 + 1e6)) < 1e-6)
})

t.test('what was not observed is not counted', async (t) => {
  const buckets = new Histogram(DURATION_BOUNDS)
  t.same([...buckets.counts], Array(DURATION_BOUNDS.length + 1).fill(0))
  t.equal(buckets.sum, 0)
})

t.test('the bounds of durations rise, from a millisecond to half a minute', async (t) => {
  t.same(
    [...DURATION_BOUNDS].sort((a, b) => a - b),
    DURATION_BOUNDS
  )
  t.equal(new Set(DURATION_BOUNDS).size, DURATION_BOUNDS.length)
  t.same([DURATION_BOUNDS[0], DURATION_BOUNDS.at(-1)], [0.001, 30])
})
