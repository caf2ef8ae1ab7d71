import t from 'tap'
import { TimeSeries } from '../../../../lib/observe/live/time-series.js'

const NO_LATENCY = { p50Ms: null, p99Ms: null }

/** A time series and the clocks that it goes by. */
function timeSeriesAt(ms: number) {
  const clock = { ms, wall: 1_700_000_000_000 }
  const timeSeries = new TimeSeries({ monotonic: () => clock.ms, wall: () => clock.wall })
  const pass = (byMs: number) => {
    clock.ms += byMs
    clock.wall += byMs
  }
  return { clock, timeSeries, pass }
}

t.test('the first totals alone give no sample', async (t) => {
  const { timeSeries } = timeSeriesAt(5)
  timeSeries.add({ requests: 1000, errors: 10, ...NO_LATENCY })
  t.same(timeSeries.samples, [])
})

t.test('a sample holds what came since the totals before', async (t) => {
  const { clock, timeSeries, pass } = timeSeriesAt(5)
  timeSeries.add({ requests: 1000, errors: 10, ...NO_LATENCY })
  pass(1000)
  timeSeries.add({ requests: 1040, errors: 11, p50Ms: 1.234_56, p99Ms: 20 })
  t.same(timeSeries.samples, [{ at: clock.wall, requests: 40, errors: 1, p50: 1.235, p99: 20 }])
})

t.test('totals that come late are spread over the time that has passed', async (t) => {
  const { timeSeries, pass } = timeSeriesAt(0)
  timeSeries.add({ requests: 0, errors: 0, ...NO_LATENCY })
  pass(2500)
  timeSeries.add({ requests: 100, errors: 5, ...NO_LATENCY })
  t.match(timeSeries.samples, [{ requests: 40, errors: 2, p50: null, p99: null }])
})

t.test('rates go by the monotonic clock when the wall clock is set back', async (t) => {
  const { clock, timeSeries, pass } = timeSeriesAt(0)
  timeSeries.add({ requests: 0, errors: 0, ...NO_LATENCY })
  pass(1000)
  clock.wall -= 3_600_000
  timeSeries.add({ requests: 7, errors: 0, ...NO_LATENCY })
  t.match(timeSeries.samples, [{ requests: 7, at: clock.wall }])
})

t.test('totals taken twice at one time give no sample', async (t) => {
  const { timeSeries, pass } = timeSeriesAt(0)
  timeSeries.add({ requests: 0, errors: 0, ...NO_LATENCY })
  timeSeries.add({ requests: 9, errors: 0, ...NO_LATENCY })
  t.same(timeSeries.samples, [])
  pass(1000)
  timeSeries.add({ requests: 12, errors: 0, ...NO_LATENCY })
  t.match(timeSeries.samples, [{ requests: 3 }])
})

t.test('five minutes are kept, the oldest first', async (t) => {
  const { clock, timeSeries, pass } = timeSeriesAt(0)
  const start = clock.wall
  for (let i = 0; i <= 1000; i++) {
    timeSeries.add({ requests: (i * (i + 1)) / 2, errors: 0, ...NO_LATENCY })
    pass(1000)
  }
  t.equal(timeSeries.samples.length, 300)
  t.match(timeSeries.samples[0], { at: start + 701_000, requests: 701 })
  t.match(timeSeries.samples.at(-1), { at: start + 1_000_000, requests: 1000 })
})
