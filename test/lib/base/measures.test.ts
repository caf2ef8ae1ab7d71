import t from 'tap'
import { BUCKETS, bucketOf, MAX_MICROS, microsOf } from '../../../lib/base/latency/buckets.js'
import { LatencyWindow, latencyCells } from '../../../lib/base/latency/latency-window.js'
import { RateWindow } from '../../../lib/base/rates.js'

// Latency

/** A window and the clock that it goes by. */
function windowAt(nowMs: number) {
  const clock = { nowMs }
  const window = new LatencyWindow(() => clock.nowMs)
  return { clock, window, record: (durationMs: number) => window.record(durationMs, clock.nowMs) }
}

const near = (value: number, expected: number) => Math.abs(value - expected) <= expected * 0.01

t.test('nothing was recorded', async (t) => {
  t.same(windowAt(0).window.summary(), {
    windowSeconds: 60,
    count: 0,
    p50Ms: 0,
    p90Ms: 0,
    p99Ms: 0,
    maxMs: 0
  })
})

t.test('quantiles are good to one per cent', async (t) => {
  const { window, record } = windowAt(5)
  for (let ms = 1; ms <= 1000; ms++) record(ms)
  const { count, p50Ms, p90Ms, p99Ms, maxMs } = window.summary()
  t.equal(count, 1000)
  t.ok(near(p50Ms, 500), `p50 ${p50Ms}`)
  t.ok(near(p90Ms, 900), `p90 ${p90Ms}`)
  t.ok(near(p99Ms, 990), `p99 ${p99Ms}`)
  t.ok(near(maxMs, 1000), `max ${maxMs}`)
})

t.test('from microseconds to an hour', async (t) => {
  for (const durationMs of [0.002, 0.05, 1.5, 1.6, 250, 257, 3_599_000]) {
    const { window, record } = windowAt(0)
    record(durationMs)
    const { p50Ms, maxMs } = window.summary()
    t.ok(near(p50Ms, durationMs), `${durationMs} → ${p50Ms}`)
    t.ok(p50Ms <= maxMs, 'no quantile is above the longest')
    t.ok(near(maxMs, durationMs), `${durationMs} → ${maxMs}`)
  }
})

t.test('what is shorter or longer than that counts as the shortest or longest', async (t) => {
  const { window, record } = windowAt(0)
  for (const durationMs of [0, -3, 0.000_1, 1e12]) record(durationMs)
  const { count, p50Ms, maxMs } = window.summary()
  t.equal(count, 4)
  t.equal(p50Ms, 0.001)
  t.ok(near(maxMs, 3_600_000), `max ${maxMs}`)
})

t.test('a latency is dropped when it is a minute old, to ten seconds', async (t) => {
  const { clock, window, record } = windowAt(1_000_000)
  record(7)
  for (const laterMs of [1, 9999, 10_000, 49_999, 59_999]) {
    clock.nowMs = 1_000_000 + laterMs
    t.equal(window.summary().count, 1, `after ${laterMs} ms`)
  }
  clock.nowMs = 1_060_000
  t.equal(window.summary().count, 0)
})

t.test('old ones go as new ones come', async (t) => {
  const { clock, window, record } = windowAt(0)
  const counts: number[] = []
  for (let slice = 0; slice < 9; slice++) {
    clock.nowMs = slice * 10_000 + 500
    record(slice + 1)
    counts.push(window.summary().count)
  }
  t.same(counts, [1, 2, 3, 4, 5, 6, 6, 6, 6])
  t.ok(near(window.summary().p50Ms, 6), 'of 4 to 9')
})

t.test('a long pause empties it, however long', async (t) => {
  for (const silenceMs of [60_000, 61_000, 119_999, 7 * 86_400_000]) {
    const { clock, window, record } = windowAt(3000)
    record(1)
    clock.nowMs += silenceMs
    record(100)
    const { count, maxMs } = window.summary()
    t.equal(count, 1, `after ${silenceMs} ms`)
    t.ok(near(maxMs, 100))
  }
})

t.test('recent latencies are those since the previous call, whatever else is called', async (t) => {
  const { clock, window, record } = windowAt(9500)
  t.same(window.takeRecent(), { p50Ms: null, p99Ms: null })
  for (let ms = 1; ms <= 100; ms++) record(ms)
  window.summary()
  clock.nowMs = 10_100
  // Another slice of the ring by now.
  for (let ms = 101; ms <= 200; ms++) record(ms)
  window.quantileMs(95)
  const { p50Ms, p99Ms } = window.takeRecent()
  t.ok(near(p50Ms!, 100), `p50 ${p50Ms}`)
  t.ok(near(p99Ms!, 198), `p99 ${p99Ms}`)
  t.same(window.takeRecent(), { p50Ms: null, p99Ms: null })
  t.equal(window.summary().count, 200, 'the minute keeps them')
  record(5)
  t.ok(near(window.takeRecent().p50Ms!, 5))
})

t.test('what was recorded before a slice ended is of that slice', async (t) => {
  const { clock, window, record } = windowAt(9999)
  record(7)
  clock.nowMs = 10_001
  record(8)
  clock.nowMs = 60_000
  t.equal(window.summary().count, 1)
})

t.test('each bucket is that of all latencies up to the next, and its middle is near to them', async (t) => {
  for (let micros = 1, before = 0; micros <= MAX_MICROS; micros = Math.ceil(micros * 1.001)) {
    const bucket = bucketOf(micros)
    if (bucket < before || bucket >= BUCKETS) t.fail(`${micros} is in bucket ${bucket}, after ${before}`)
    before = bucket
    if (Math.abs(microsOf(bucket) - micros) > micros / 128) t.fail(`${micros} counts as ${microsOf(bucket)}`)
  }
  t.same([0, 1, 127, 128, MAX_MICROS].map(bucketOf), [0, 1, 127, 128, BUCKETS - 1])
})

t.test('threads record for themselves, and each reads what all have recorded', async (t) => {
  const count = 3
  const cells = new Int32Array(new SharedArrayBuffer(4 * latencyCells({ count, own: 0 })))
  let nowMs = 5000
  const windows = [0, 1, 2].map((own) => new LatencyWindow(() => nowMs, { count, own }, cells))
  for (const [i, window] of windows.entries()) for (let n = 0; n < 10; n++) window.record(10 ** i, nowMs)
  for (const window of windows) {
    const { count, p50Ms, p99Ms, maxMs } = window.summary()
    t.same([count, maxMs], [30, 100])
    t.ok(near(p50Ms, 10) && near(p99Ms, 100), `${p50Ms}, ${p99Ms}`)
  }
  t.ok(near(windows[1]!.takeRecent().p50Ms!, 10))
  nowMs = 64_000
  windows[2]!.record(7, nowMs)
  t.equal(
    windows[0]!.summary().count,
    1,
    'what others recorded a minute ago is gone, though they have not looked since'
  )
  t.ok(near(windows[1]!.takeRecent().p99Ms!, 7), 'and who reads what is new has that of others')
})

// Rates

function ratesAfter(...totals: number[]) {
  const window = new RateWindow()
  for (const total of totals) window.sample(total)
  return window.rates()
}

t.test('no rate before there are two samples', async (t) => {
  const none = { last1s: 0, last10s: 0, last60s: 0 }
  t.same(ratesAfter(), none)
  t.same(ratesAfter(1000), none)
})

t.test('over as many seconds as there are', async (t) => {
  t.same(ratesAfter(0, 10), { last1s: 10, last10s: 10, last60s: 10 })
  t.same(ratesAfter(0, 10, 40, 60), { last1s: 20, last10s: 20, last60s: 20 })
})

t.test('over the last second, ten and sixty', async (t) => {
  const totals = [0]
  const second = (requests: number) => totals.push(totals.at(-1)! + requests)
  for (let i = 0; i < 100; i++) second(1_000_000)
  for (let i = 0; i < 50; i++) second(6)
  for (let i = 0; i < 9; i++) second(100)
  second(200)
  t.same(ratesAfter(...totals), { last1s: 200, last10s: 110, last60s: (50 * 6 + 1100) / 60 })
})

t.test('an idle balancer', async (t) => {
  t.same(ratesAfter(0, ...Array(70).fill(5000)), { last1s: 0, last10s: 0, last60s: 0 })
})

t.test('totals beyond 2^32', async (t) => {
  t.equal(ratesAfter(2 ** 40, 2 ** 40 + 7).last1s, 7)
})
