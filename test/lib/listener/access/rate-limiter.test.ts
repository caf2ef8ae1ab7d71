import fc from 'fast-check'
import t from 'tap'
import { RateLimiter } from '../../../../lib/listener/access/rate-limiter.js'

const HOUR_MS = 3_600_000
/** A time at which the fractions of a millisecond are as coarse as after a year. */
const LATE_MS = 365.25 * 24 * HOUR_MS + 0.1
const rate = (count: number, windowS = 1, burst = count) => ({ count, windowS, burst })

/** How many of so many requests at one moment are let through. */
function passed(limiter: RateLimiter, requests: number, nowMs: number, client = 'a'): number {
  let count = 0
  for (let i = 0; i < requests; i++) if (limiter.take(client, nowMs) === 0) count++
  return count
}

t.test('as many as the burst come at once, then they come at the rate', async (t) => {
  for (const nowMs of [0, 7.3, LATE_MS]) {
    for (const [limit, burst, everyMs] of [
      [rate(3), 3, 1000 / 3],
      [rate(1), 1, 1000],
      [rate(7, 60), 7, 60_000 / 7],
      [rate(10, 1, 25), 25, 100],
      [rate(10, 1, 1), 1, 100],
      [rate(5, 3600), 5, HOUR_MS / 5],
      [rate(997), 997, 1000 / 997]
    ] as const) {
      const limiter = new RateLimiter(limit)
      const name = `${JSON.stringify(limit)} at ${nowMs}`
      t.equal(passed(limiter, burst + 5, nowMs), burst, name)
      t.equal(passed(limiter, 5, nowMs + 0.9 * everyMs), 0, name)
      t.equal(passed(limiter, 5, nowMs + everyMs), 1, name)
      t.equal(passed(limiter, 5, nowMs + 3 * everyMs), Math.min(2, burst), name)
      t.equal(passed(limiter, 2 * burst, nowMs + 100 * HOUR_MS), burst, `${name}: never more`)
    }
  }
})

t.test('it says how long to wait, and waiting so long is enough', async (t) => {
  const limiter = new RateLimiter(rate(2, 60))
  t.same([limiter.take('a', 0), limiter.take('a', 10_000)], [0, 0])
  const waitMs = limiter.take('a', 12_000)
  t.ok(Math.abs(waitMs - 18_000) < 500, `${waitMs}`)
  t.equal(limiter.take('a', 12_000), waitMs, 'to be refused costs nothing')
  t.ok(limiter.take('a', 12_000 + waitMs - 1) > 0)
  t.equal(limiter.take('a', 12_000 + waitMs), 0)
})

t.test('each client has a bucket of its own', async (t) => {
  const limiter = new RateLimiter(rate(2))
  t.equal(passed(limiter, 5, 0, 'a'), 2)
  t.equal(passed(limiter, 5, 0, 'b'), 2)
  t.equal(limiter.size, 2)
})

t.test('it lets through what a bucket of tokens does', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 400 })), {
        maxLength: 200
      }),
      (count, burst, requests) => {
        const limiter = new RateLimiter(rate(count, 1, burst))
        const buckets = new Map<string, { tokens: number; atMs: number }>()
        let nowMs = 0
        for (const [client, afterMs] of requests) {
          nowMs += afterMs
          const bucket = buckets.get(client) ?? { tokens: burst, atMs: 0 }
          bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) * count) / 1000)
          bucket.atMs = nowMs
          buckets.set(client, bucket)
          // So near to a whole token either answer is right.
          const isNear = bucket.tokens < 1 && bucket.tokens > 0.98
          const isPassed = limiter.take(client, nowMs) === 0
          if (!isNear && isPassed !== bucket.tokens >= 1) return false
          if (isPassed) bucket.tokens -= 1
        }
        return true
      }
    )
  )
})

t.test('a flood of addresses cannot grow its memory', async (t) => {
  const limiter = new RateLimiter(rate(10, 3600))
  let largest = 0
  for (let i = 0; i < 200_000; i++) {
    limiter.take(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, i / 1000)
    largest = Math.max(largest, limiter.size)
  }
  t.ok(largest <= 131_072, `${largest} clients`)
  t.ok(largest > 100_000, 'but it remembers as many as it may')
})

t.test('whoever goes on sending amid a flood is not forgotten, even if all of it is refused', async (t) => {
  const limiter = new RateLimiter(rate(2, 3600), 100)
  t.equal(passed(limiter, 5, 0, 'offender'), 2)
  for (let i = 0; i < 1000; i++) {
    limiter.take(`other ${i}`, 1)
    if (i % 40 === 0) t.ok(limiter.take('offender', 1) > 0)
  }
  t.ok(limiter.size <= 100)
})

t.test('whose bucket is full again is forgotten', async (t) => {
  const limiter = new RateLimiter(rate(10))
  for (let i = 0; i < 1000; i++) limiter.take(`client ${i}`, 0)
  t.equal(limiter.size, 1000)
  for (const [nowMs, size] of [
    [999, 1001],
    [1000, 1002],
    [2000, 2]
  ] as const) {
    limiter.take('steady', nowMs)
    t.equal(limiter.size, size, `${nowMs}`)
  }
})
