import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { Bucket, limitOf } from '../../../lib/fleet/bucket.js'
import { Fleet } from '../../../lib/fleet/fleet.js'
import { Store } from '../../../lib/fleet/store.js'
import { needs } from '../../support/command.js'
import { redisServer } from '../../support/redis.js'
import { atEnd, eventually, test } from '../../support/test.js'

// What a balancer lets pass by itself

const LIMIT = limitOf({ count: 100, windowS: 1, burst: 40 })

/** How many of so many requests at one moment pass. */
function passing(bucket: Bucket, count: number, nowMs: number, balancers: number, isAlone = false): number {
  let passed = 0
  for (let i = 0; i < count; i++) if (bucket.take(nowMs, balancers, isAlone) === 0) passed++
  return passed
}

test('a balancer by itself gives all of a bucket', async (t) => {
  const bucket = new Bucket(LIMIT, 1, 0)
  t.equal(passing(bucket, 99, 0, 1), 40)
  t.equal(bucket.take(0, 1, false), 10, 'the next token comes after so many milliseconds')
  t.equal(passing(bucket, 99, 100, 1), 10)
})

test('of a client that it knows nothing of it lets a small part pass', async (t) => {
  for (const [balancers, expected] of [
    [2, 2],
    [3, 1],
    [50, 1]
  ] as const)
    t.equal(passing(new Bucket(LIMIT, balancers, 0), 99, 0, balancers), expected, `${balancers} balancers`)
})

test('once the store has answered, its share of what is left, and of what comes', async (t) => {
  const bucket = new Bucket(LIMIT, 2, 0)
  bucket.take(0, 2, false)
  const { counts } = bucket
  bucket.take(1, 2, false)
  bucket.answer(counts, 30, 0.5, 10)
  t.equal(passing(bucket, 99, 10, 2), 14, 'less what has passed since it was told')
  t.equal(passing(bucket, 99, 110, 2), 5)
  bucket.answer(bucket.counts, -3, 0.5, 120)
  t.equal(passing(bucket, 99, 120, 2), 0, 'what others let pass too much is made up for')
  t.equal(passing(bucket, 99, 500, 2), 17)
  t.equal(passing(bucket, 99, 2000, 2), 2, 'what was left long ago says nothing')
  t.equal(passing(bucket, 99, 9000, 2, true), 20, 'unless nobody says anything')
  bucket.answer(bucket.counts, 1, 0.1, 9000)
  t.equal(passing(bucket, 99, 9000, 2), 1, 'one may pass if the whole has room for it')
})

// The store

/** A store, and what it says to balancers of these ids. */
async function stage(t: Test) {
  const server = await redisServer(t)
  const store = new Store({ url: server.url, password: '' })
  atEnd(t, () => store.close())
  await store.connect()
  /** Of a bucket of 100 that fills within days: what is left, and the share. */
  const take = async (id: string, count: number, passed: number, asked: number, before = [0, 0]) => {
    const args = [1e-6, 100, -10, passed, before[0]!, asked, before[1]!]
    const [left, share] = await store.take(['bucket'], [id, count, ...args])
    return [Math.round(Number(left)), Number(Number(share).toFixed(3))]
  }
  return { server, store, take }
}

test('the store takes what has passed once, however often it is told', async (t) => {
  if (!needs(t, 'redis-server')) return
  const { take } = await stage(t)
  t.same(await take('a', 1, 10, 10), [90, 1])
  t.same(await take('a', 1, 10, 10), [90, 1])
  t.same(await take('a', 1, 25, 25, [10, 10]), [75, 1])
  t.same(await take('a', 1, 10, 10), [75, 1], 'nor what it was told before')
  t.same(await take('b', 2, 1000, 1000, [995, 995]), [70, 0.25], 'of another only what is new')
  t.same(await take('a', 2, 999, 999, [25, 25]), [-10, 0.75], 'and never more than so much')
})

test('shares follow the requests that came to each, and none is less than half of an equal one', async (t) => {
  if (!needs(t, 'redis-server')) return
  const { take } = await stage(t)
  await take('a', 4, 0, 600)
  await take('b', 4, 0, 300)
  const shares = async () =>
    [await take('a', 4, 0, 600), await take('b', 4, 0, 300), await take('c', 4, 0, 1)].map(
      ([, share]) => share!
    )
  const [a, b, c] = await shares()
  t.equal(c, 0.125)
  t.ok(Math.abs(a! / b! - 2) < 0.02, `${a} and ${b} are as 2 to 1`)
  t.ok(Math.abs(a! + b! + c! + 0.125 - 1) < 0.01, 'with the least share of the one that had none')
})

test('balancers are counted, and forgotten when they are silent', async (t) => {
  if (!needs(t, 'redis-server')) return
  const { server } = await stage(t)
  const log = { info: () => {}, error: () => {} }
  const fleets = [1, 2, 3].map(() => new Fleet({ url: server.url, password: '' }, log))
  for (const fleet of fleets) await fleet.start()
  const [first, , last] = fleets
  await eventually(() => first!.members === 3)
  await last!.close()
  await eventually(() => first!.members === 2)
  for (const fleet of fleets.slice(0, 2)) await fleet.close()
})

test('three balancers keep one limit, with the store, without it, and when it is back', async (t) => {
  if (!needs(t, 'redis-server')) return
  const server = await redisServer(t)
  const lines: string[] = []
  const write = (_data: object, line: string) => void lines.push(line)
  const fleets = [1, 2, 3].map(
    () => new Fleet({ url: server.url, password: '' }, { info: write, error: write })
  )
  for (const fleet of fleets) await fleet.start()
  atEnd(t, () => Promise.all(fleets.map((fleet) => fleet.close())))
  const config = { count: 400, windowS: 1, burst: 40 }
  const limiters = fleets.map((fleet) => fleet.rateLimits.of('test')(config))
  await eventually(() => fleets.every(({ members }) => members === 3))
  /** Of three times as many requests as may pass, most of them to the first: how many pass, by what would be right. */
  const passing = async (durationMs: number) => {
    const startMs = performance.now()
    let passed = 0
    let sent = 0
    for (let nowMs = startMs; nowMs - startMs < durationMs; nowMs = performance.now()) {
      const due = (nowMs - startMs) * 1.2
      for (; sent < due; sent++) {
        const limiter = limiters[sent % 10 < 7 ? 0 : sent % 10 < 9 ? 1 : 2]!
        if (limiter.take('10.0.0.1', nowMs) === 0) passed++
      }
      await sleep(2)
    }
    return passed / ((performance.now() - startMs) * 0.4)
  }
  await passing(500)
  const shared = await passing(1500)
  t.ok(shared > 0.9 && shared < 1.1, `${shared.toFixed(3)} of the limit`)
  server.process.kill('SIGSTOP')
  const alone = await passing(1500)
  t.ok(alone > 0.8 && alone < 1.2, `${alone.toFixed(3)} of it without the store`)
  await eventually(async () => (await passing(50)) >= 0 && fleets.every(({ status }) => !status.isConnected))
  t.match(fleets[0]!.status, { isConnected: false, fault: 'no answer in time' })
  server.process.kill('SIGCONT')
  await eventually(async () => (await passing(50)) >= 0 && fleets.every(({ status }) => status.isConnected))
  const again = await passing(1000)
  t.ok(again > 0.75 && again < 1.2, `${again.toFixed(3)} of it afterwards`)
  t.equal(lines.filter((line) => line.includes('does not answer (no answer in time)')).length, 3)
})

test('what a store holds that is no bucket is begun anew, and fails no other client', async (t) => {
  if (!needs(t, 'redis-server')) return
  const { server, store, take } = await stage(t)
  const redis = new Redis(server.url)
  atEnd(t, () => redis.disconnect())
  const now = String(Date.now())
  const held: Record<string, () => Promise<unknown>> = {
    'a set': () => redis.sadd('bucket', 'x'),
    'a text': () => redis.set('bucket', 'x'),
    'no number': () =>
      redis.hset('bucket', 'left', 'x', 'at', 'y', 'passed a', 'z', 'use b', 'x', 'used b', now),
    'not a number': () => redis.hset('bucket', 'left', 'nan', 'at', now, 'use b', 'nan', 'used b', now),
    'no time': () => redis.hset('bucket', 'left', '100'),
    'a time to come': () =>
      redis.hset('bucket', 'left', '100', 'at', '1e308', 'use b', '0', 'used b', '1e308'),
    'less than none': () => redis.hset('bucket', 'use b', '-1e9', 'used b', now)
  }
  for (const [name, hold] of Object.entries(held)) {
    await redis.del('bucket')
    await hold()
    t.equal((await take('a', 1, 5, 5))[0], 95, name)
    const [left, share] = await take('a', 1, 6, 6, [5, 5])
    t.ok(left === 94 && share! > 0 && share! <= 1, `${name}: ${share}`)
  }
  await redis.zadd('fairlead:balancers', 9e15, 'one of a clock that was set back')
  t.match(await store.heartbeat('a'), { count: 1 })
})

test('what the store refuses is said: a password, and more orders than are read', async (t) => {
  if (!needs(t, 'redis-server')) return
  const { server } = await stage(t)
  const redis = new Redis(server.url)
  atEnd(t, () => redis.disconnect())
  const lines: string[] = []
  const write = (_data: object, line: string) => void lines.push(line)
  const log = { info: write, error: write }
  const start = async () => {
    const fleet = new Fleet({ url: server.url, password: '' }, log)
    atEnd(t, () => fleet.close())
    fleet.shareOrders(() => [])
    await fleet.start()
    return fleet
  }
  await redis.hset(
    'fairlead:orders',
    Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`p ${i}`, '{}']))
  )
  await redis.set('fairlead:orders:version', 1)
  await start()
  await eventually(() => lines.some((line) => line.includes('there are more than 10000 orders')))
  await redis.config('SET', 'requirepass', 'another')
  const late = await start()
  await eventually(() => late.status.fault?.startsWith('it refuses: NOAUTH'))
  t.notOk(late.status.isConnected)
})

test('without a store no more is kept of clients than may be', async (t) => {
  const fleet = new Fleet({ url: 'redis://127.0.0.1:9', password: '' }, { info: () => {}, error: () => {} })
  atEnd(t, () => fleet.close())
  await fleet.start()
  const limiter = fleet.rateLimits.of('test')({ count: 10, windowS: 1, burst: 10 })
  for (let i = 0; i < 150_000; i++) limiter.take(`client ${i}`, 0)
  t.ok(fleet.rateLimits.waiting <= 65_536, `${fleet.rateLimits.waiting} clients`)
})
