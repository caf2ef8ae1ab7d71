import t from 'tap'
import { Timeline } from '../../../../lib/observe/live/timeline.js'

const NO_LATENCY = { p50Ms: null, p99Ms: null }

/** A timeline and the clocks that it goes by. */
function timelineAt(ms: number) {
  const clock = { ms, wall: 1_700_000_000_000 }
  const timeline = new Timeline({ monotonic: () => clock.ms, wall: () => clock.wall })
  const pass = (byMs: number) => {
    clock.ms += byMs
    clock.wall += byMs
  }
  return { clock, timeline, pass }
}

t.test('of the first reading alone nothing can be said', async (t) => {
  const { timeline } = timelineAt(5)
  timeline.read({ requests: 1000, errors: 10, ...NO_LATENCY })
  t.same(timeline.samples, [])
})

t.test('a sample says what came since the reading before', async (t) => {
  const { clock, timeline, pass } = timelineAt(5)
  timeline.read({ requests: 1000, errors: 10, ...NO_LATENCY })
  pass(1000)
  timeline.read({ requests: 1040, errors: 11, p50Ms: 1.234_56, p99Ms: 20 })
  t.same(timeline.samples, [{ at: clock.wall, requests: 40, errors: 1, p50: 1.235, p99: 20 }])
})

t.test('a reading that comes late is spread over the time that it took', async (t) => {
  const { timeline, pass } = timelineAt(0)
  timeline.read({ requests: 0, errors: 0, ...NO_LATENCY })
  pass(2500)
  timeline.read({ requests: 100, errors: 5, ...NO_LATENCY })
  t.match(timeline.samples, [{ requests: 40, errors: 2, p50: null, p99: null }])
})

t.test('the wall clock may be set, rates go by the other', async (t) => {
  const { clock, timeline, pass } = timelineAt(0)
  timeline.read({ requests: 0, errors: 0, ...NO_LATENCY })
  pass(1000)
  clock.wall -= 3_600_000
  timeline.read({ requests: 7, errors: 0, ...NO_LATENCY })
  t.match(timeline.samples, [{ requests: 7, at: clock.wall }])
})

t.test('two readings at one time are one', async (t) => {
  const { timeline, pass } = timelineAt(0)
  timeline.read({ requests: 0, errors: 0, ...NO_LATENCY })
  timeline.read({ requests: 9, errors: 0, ...NO_LATENCY })
  t.same(timeline.samples, [])
  pass(1000)
  timeline.read({ requests: 12, errors: 0, ...NO_LATENCY })
  t.match(timeline.samples, [{ requests: 3 }])
})

t.test('five minutes are kept, the oldest first', async (t) => {
  const { clock, timeline, pass } = timelineAt(0)
  const start = clock.wall
  for (let i = 0; i <= 1000; i++) {
    timeline.read({ requests: (i * (i + 1)) / 2, errors: 0, ...NO_LATENCY })
    pass(1000)
  }
  t.equal(timeline.samples.length, 300)
  t.match(timeline.samples[0], { at: start + 701_000, requests: 701 })
  t.match(timeline.samples.at(-1), { at: start + 1_000_000, requests: 1000 })
})
