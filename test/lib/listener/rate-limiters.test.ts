import { once } from 'node:events'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import t from 'tap'
import { CellDirectory } from '../../../lib/base/cells/directory.js'
import { createCells } from '../../../lib/base/cells/rows.js'
import { SharedCells } from '../../../lib/base/cells/shared-cells.js'
import { THREAD_ORIGIN_MS } from '../../../lib/base/clock.js'
import { BucketTable, bucketTableCells } from '../../../lib/listener/access/bucket-table.js'
import type { RateLimitConfig } from '../../../lib/listener/access/options.js'
import { type ClientLimiter, RateLimiter } from '../../../lib/listener/access/rate-limiter.js'
import { SharedRateLimiter } from '../../../lib/listener/access/shared-rate-limiter.js'
import { SharedRateLimits } from '../../../lib/listener/access/shared-rate-limits.js'
import { ROOT } from '../../support/processes.js'

const HOUR_MS = 3_600_000
/** A time at which the fractions of a millisecond are as coarse as after a year. */
const LATE_MS = 365.25 * 24 * HOUR_MS + 0.1
const KEY = 'a key'
const rate = (count: number, windowS = 1, burst = count) => ({ count, windowS, burst })

/** As many tables over the same cells as there are threads. */
function tables(count: number, sets: number): BucketTable[] {
  const cells = createCells(bucketTableCells(sets), { count, own: 0 })
  return Array.from({ length: count }, (_, own) => new BucketTable({ count, own }, cells))
}

/** The limiters of several threads, asked in turn. */
function inTurns(limit: RateLimitConfig, count = 3, sets = 16): ClientLimiter {
  const limiters = tables(count, sets).map((table) => new SharedRateLimiter(limit, table, KEY, 0))
  let turn = 0
  return { take: (client, nowMs) => limiters[turn++ % count]!.take(client, nowMs) }
}

const LIMITERS: Readonly<Record<string, (limit: RateLimitConfig) => ClientLimiter>> = {
  'one thread': (limit) => new RateLimiter(limit),
  'several threads': inTurns
}

/** How many of so many requests at one moment are let through. */
function passed(limiter: ClientLimiter, requests: number, nowMs: number, client = 'a'): number {
  let count = 0
  for (let i = 0; i < requests; i++) if (limiter.take(client, nowMs) === 0) count++
  return count
}

for (const [threads, create] of Object.entries(LIMITERS)) {
  t.test(`${threads}: as many as the burst come at once, then they come at the rate`, async (t) => {
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
        const limiter = create(limit)
        const name = `${JSON.stringify(limit)} at ${nowMs}`
        t.equal(passed(limiter, burst + 5, nowMs), burst, name)
        t.equal(passed(limiter, 5, nowMs + 0.9 * everyMs), 0, name)
        t.equal(passed(limiter, 5, nowMs + everyMs), 1, name)
        t.equal(passed(limiter, 5, nowMs + 3 * everyMs), Math.min(2, burst), name)
        t.equal(passed(limiter, 2 * burst, nowMs + 100 * HOUR_MS), burst, `${name}: never more`)
      }
    }
  })

  t.test(`${threads}: it says how long to wait, and waiting so long is enough`, async (t) => {
    const limiter = create(rate(2, 60))
    t.same([limiter.take('a', 0), limiter.take('a', 10_000)], [0, 0])
    const waitMs = limiter.take('a', 12_000)
    t.ok(Math.abs(waitMs - 18_000) < 500, `${waitMs}`)
    t.equal(limiter.take('a', 12_000), waitMs, 'to be refused costs nothing')
    t.ok(limiter.take('a', 12_000 + waitMs - 1) > 0)
    t.equal(limiter.take('a', 12_000 + waitMs), 0)
  })

  t.test(`${threads}: each client has a bucket of its own`, async (t) => {
    const limiter = create(rate(2))
    t.equal(passed(limiter, 5, 0, 'a'), 2)
    t.equal(passed(limiter, 5, 0, 'b'), 2)
  })

  t.test(`${threads}: it lets through what a bucket of tokens does`, async () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 400 })), {
          maxLength: 200
        }),
        (count, burst, requests) => {
          const limiter = create(rate(count, 1, burst))
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

  t.test(`${threads}: a client is asked for no more, however long it was away`, async (t) => {
    for (const limit of [rate(1000), rate(1000, 1, 1), rate(10), rate(5, 3600), rate(1_000_000)]) {
      const { burst } = limit
      const limiter = create(limit)
      const requests = Math.min(burst, 100)
      for (let nowMs = 1; nowMs < LATE_MS; nowMs += nowMs / 3 + 2.5 * HOUR_MS)
        t.equal(passed(limiter, requests, nowMs), requests, `${JSON.stringify(limit)} at ${nowMs}`)
    }
  })

  t.test(`${threads}: the highest and the lowest rates are right`, async (t) => {
    for (const [limit, everyMs] of [
      [rate(1_000_000, 1, 1), 0.001],
      [rate(1, 3600, 1_000_000), HOUR_MS]
    ] as const) {
      const limiter = create(limit)
      t.equal(passed(limiter, limit.burst + 2, 50), limit.burst)
      t.equal(passed(limiter, 20, 50 + 9.9 * everyMs), Math.min(9, limit.burst))
    }
  })
}

// One thread

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

t.test('who keeps sending in a flood is not forgotten, even if all requests are rejected', async (t) => {
  const limiter = new RateLimiter(rate(2, 3600), 100)
  t.equal(passed(limiter, 5, 0, 'offender'), 2)
  for (let i = 0; i < 1000; i++) {
    limiter.take(`other ${i}`, 1)
    if (i % 40 === 0) t.ok(limiter.take('offender', 1) > 0)
  }
  t.ok(limiter.size <= 100)
})

t.test('a client whose bucket is full again is forgotten', async (t) => {
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

// Several threads

t.test('who keeps sending in a flood is not forgotten by several threads', async (t) => {
  const limiter = inTurns(rate(2, 3600), 2, 1)
  t.equal(passed(limiter, 5, 0, 'offender'), 2)
  for (let i = 1; i < 1000; i++) {
    limiter.take(`other ${i}`, 20 * i)
    if (i % 5 === 0) t.ok(limiter.take('offender', 20 * i) > 0)
  }
})

t.test('nobody is forgotten while places of others are free', async (t) => {
  const [table] = tables(1, 1) as [BucketTable]
  const slow = new SharedRateLimiter(rate(1, 3600), table, 'another key', 0)
  const fast = new SharedRateLimiter(rate(10), table, KEY, 0)
  const steady = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  for (const client of steady) t.equal(passed(slow, 2, 0, client), 1)
  for (let i = 1; i < 200; i++) t.equal(passed(fast, 11, 1100 * i, `other ${i}`), 10)
  for (const client of steady) t.ok(slow.take(client, 1100 * 200) > 0, client)
})

t.test('the buckets of a limit are those of its name, in whichever thread', async (t) => {
  const directory = new CellDirectory()
  const [owner, other] = [0, 1].map(
    (own) =>
      new SharedRateLimits(
        new SharedCells({ count: 2, own }, own === 0 ? directory : new CellDirectory(directory.all))
      )
  ) as [SharedRateLimits, SharedRateLimits]
  const limit = rate(3, 3600)
  t.equal(passed(owner.of('web')(limit), 2, 0), 2)
  t.equal(passed(other.of('web')(limit), 5, 0), 1)
  t.equal(passed(owner.of('web')(limit), 5, 0), 0, 'also after a reload')
  t.equal(passed(other.of('wéb')(limit), 5, 0), 3)
  t.equal(passed(other.of('web')(rate(4, 3600)), 5, 0), 4)
})

// Real threads

const HAMMER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { folder, own, count, cells, gate, limit, clients, durationMs } = workerData
  const { BucketTable } = require(folder + '/bucket-table.js')
  const { SharedRateLimiter } = require(folder + '/shared-rate-limiter.js')
  const limiter = new SharedRateLimiter(limit, new BucketTable({ count, own }, cells), "a key")
  const passed = clients.map(() => 0)
  Atomics.add(gate, 0, 1)
  while (Atomics.load(gate, 0) < count);
  const endMs = performance.now() + durationMs
  do
    for (const [i, client] of clients.entries())
      if (limiter.take(client, performance.now()) === 0) passed[i]++
  while (performance.now() < endMs)
  parentPort.postMessage(passed)`

/** How many requests of each client so many threads let through, that ask as often as they can for a while. */
async function hammered(limit: RateLimitConfig, clients: readonly string[], durationMs: number) {
  const count = 3
  const cells = createCells(bucketTableCells(), { count, own: 0 })
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const folder = path.join(ROOT, 'dist', 'lib', 'listener', 'access')
  const startMs = THREAD_ORIGIN_MS + performance.now()
  const passes = await Promise.all(
    Array.from({ length: count }, async (_, own) => {
      const workerData = { folder, own, count, cells, gate, limit, clients, durationMs }
      const [passed] = await once(new Worker(HAMMER, { eval: true, workerData }), 'message')
      return passed as number[]
    })
  )
  const passed = clients.map((_, i) => passes.reduce((sum, of) => sum + of[i]!, 0))
  return { passed, tookMs: THREAD_ORIGIN_MS + performance.now() - startMs }
}

t.test('threads together let a client have its burst and its rate, and no more', async (t) => {
  const { passed, tookMs } = await hammered(rate(20_000, 1, 50), ['a'], 600)
  const [count] = passed as [number]
  t.ok(count <= 50 + 20 * tookMs + 1, `${count} in ${tookMs} ms`)
  t.ok(count > 1000, `${count} in ${tookMs} ms`)
})

t.test('a client that comes to several threads at once has one bucket', async (t) => {
  const clients = Array.from({ length: 20_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
  const { passed } = await hammered(rate(1, 3600, 2), clients, 0)
  t.equal(passed.filter((count) => count > 2).length, 0)
  // A thread that is held up for long between its clock and the table finds no token where there is one.
  t.ok(passed.filter((count) => count === 2).length > clients.length / 2)
})
