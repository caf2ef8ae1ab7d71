import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { CheckPlan } from '../../../lib/health/check-plan.js'
import type { WatchOwner } from '../../../lib/health/grpc-watch.js'
import { HealthScheduler, type SchedulerOptions } from '../../../lib/health/scheduler.js'
import type { Backend, CheckResult } from '../../../lib/pool/backend.js'
import { BackendCell } from '../../../lib/pool/cells.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { FakeClock } from '../../support/fake-clock.js'
import { registryOf } from '../../support/registry.js'

const PERIOD_MS = 10_000

interface Check {
  readonly id: number
  readonly atMs: number
  readonly end: (ok: boolean) => Promise<void>
}

/** A scheduler in a world of its own: time passes and checks end when the test says so. */
class World {
  readonly clock = new FakeClock()
  readonly checks: Check[] = []
  readonly running = new Map<Backend, number>()
  /** What checks find, where they end by themselves. */
  answer: ((backend: Backend) => boolean) | undefined
  overlaps = 0
  readonly registry: Registry
  readonly scheduler: HealthScheduler

  constructor(backends: string, options: Partial<SchedulerOptions & CheckPlan> = {}) {
    const initialState = options.recoveryOnly ? 'healthy' : 'checking'
    this.registry = registryOf(backends, { initialState })
    const periodMs = options.periodMs ?? PERIOD_MS
    const plan: CheckPlan = {
      periodMs,
      downPeriodMs: periodMs,
      rise: 2,
      fall: 3,
      recoveryOnly: false,
      probe: (backend) => this.#probe(backend),
      ...options
    }
    this.scheduler = new HealthScheduler(this.registry, {
      planOf: ({ checkPeriodMs = plan.periodMs, noCheck = plan.recoveryOnly }) => ({
        ...plan,
        periodMs: checkPeriodMs,
        recoveryOnly: noCheck
      }),
      random: () => 0.5,
      now: () => this.clock.nowMs,
      setTimeout: this.clock.setTimeout,
      clearTimeout: this.clock.clearTimeout,
      ...options
    })
    this.registry.on('state', ({ backend, from, to }) => {
      if (from === 'healthy' && to === 'unhealthy') this.scheduler.recordFall(backend)
    })
  }

  backend(id = 0): Backend {
    return this.registry.backends[id]!
  }

  /** When the checks of a backend began. */
  timesOf(id: number): number[] {
    return this.checks.filter((check) => check.id === id).map(({ atMs }) => atMs)
  }

  #probe(backend: Backend): Promise<CheckResult> {
    const running = (this.running.get(backend) ?? 0) + 1
    this.running.set(backend, running)
    if (running > 1) this.overlaps++
    return new Promise((resolve) => {
      const end = (ok: boolean) => {
        this.running.set(backend, this.running.get(backend)! - 1)
        resolve({ at: new Date(), ok, result: ok ? 'status 200' : 'status 500', latencyMs: 1 })
        return turn()
      }
      this.checks.push({ id: backend.id, atMs: this.clock.nowMs, end })
      if (this.answer) void end(this.answer(backend))
    })
  }
}

t.test('start checks all at once, and resolves when each has had its first check', async (t) => {
  const world = new World('a:80 b:80 c:80')
  let started = false
  const starting = world.scheduler.start().then(() => {
    started = true
  })
  t.equal(world.checks.length, 3)
  await world.checks[0]!.end(true)
  await world.checks[2]!.end(false)
  t.notOk(started)
  t.same(
    world.registry.backends.map(({ state }) => state),
    ['healthy', 'checking', 'unhealthy']
  )
  await world.checks[1]!.end(true)
  await starting
  t.equal(world.backend(1).state, 'healthy')
})

t.test('every backend is checked once a period, each on its own timer', async (t) => {
  const world = new World('a:80 b:80')
  world.answer = () => true
  await world.scheduler.start()
  await world.clock.advance(3 * PERIOD_MS)
  t.same(world.timesOf(0), [0, 5000, 15_000, 25_000])
  t.same(world.timesOf(1), [0, 10_000, 20_000, 30_000])
})

t.test('the period has a jitter of a tenth', async (t) => {
  for (const [random, delayMs] of [
    [0, 9000],
    [0.25, 9500],
    [0.5, 10_000],
    [1, 11_000]
  ] as const) {
    const world = new World('a:80', { random: () => random })
    world.answer = () => true
    await world.scheduler.start()
    t.same(world.clock.delays, [delayMs])
  }
})

t.test('the jitter differs each time', async (t) => {
  const draws = [0, 1, 0.5]
  const world = new World('a:80', { random: () => draws.shift()! })
  world.answer = () => true
  await world.scheduler.start()
  await world.clock.advance(20_000)
  t.same(world.timesOf(0), [0, 9000, 20_000])
})

t.test('the period runs from the end of a check: checks of a backend never overlap', async (t) => {
  const world = new World('a:80')
  void world.scheduler.start()
  await world.clock.advance(5 * PERIOD_MS)
  t.same(world.timesOf(0), [0], 'one check that hangs is enough')
  world.scheduler.checkSoon(world.backend())
  await world.clock.advance(5 * PERIOD_MS)
  t.same(world.timesOf(0), [0], 'even if the next one is asked for')
  await world.checks[0]!.end(true)
  await world.clock.advance(PERIOD_MS)
  t.same(world.timesOf(0), [0, 11 * PERIOD_MS])
  t.equal(world.overlaps, 0)
})

t.test('a check that is asked for before the start does not overlap the first', async (t) => {
  const world = new World('a:80')
  world.scheduler.checkSoon(world.backend())
  void world.scheduler.start()
  await world.clock.advance(PERIOD_MS)
  t.equal(world.overlaps, 0)
  t.same(world.timesOf(0), [0])
})

t.test('the start waits for first checks that are under way already', async (t) => {
  const world = new World('a:80')
  // A source of backends told of it before the start.
  world.scheduler.add(world.backend())
  let isStarted = false
  const starting = world.scheduler.start().then(() => {
    isStarted = true
  })
  await turn()
  t.notOk(isStarted)
  await world.checks[0]!.end(true)
  await starting
  t.ok(world.backend().eligible)
  t.equal(world.checks.length, 1)
})

t.test('a slow backend delays no other', async (t) => {
  const world = new World('slow:80 b:80')
  void world.scheduler.start()
  await world.checks[1]!.end(true)
  world.answer = () => true
  await world.clock.advance(2 * PERIOD_MS)
  t.same(world.timesOf(1), [0, 10_000, 20_000])
  t.same(world.timesOf(0), [0])
})

t.test('in a transitional state a backend is checked every second until the state is settled', async (t) => {
  const world = new World('a:80')
  world.answer = () => true
  await world.scheduler.start()
  world.answer = () => false
  await world.clock.advance(13_000)
  t.same(world.timesOf(0), [0, 10_000, 11_000, 12_000], 'three failures, a second apart')
  t.equal(world.backend().state, 'unhealthy')
  await world.clock.advance(9000)
  t.same(world.timesOf(0).slice(4), [22_000], 'then it is certain')
  world.answer = () => true
  await world.clock.advance(11_000)
  t.same(world.timesOf(0).slice(5), [32_000, 33_000], 'two passes, a second apart')
  t.equal(world.backend().state, 'healthy')
  await world.clock.advance(10_000)
  t.same(world.timesOf(0).slice(7), [43_000])
})

t.test(
  'in a transitional state it is checked after a quarter of a short period, with the same jitter',
  async (t) => {
    for (const [periodMs, random, delayMs] of [
      [300, 0.5, 75],
      [PERIOD_MS, 0, 900],
      [PERIOD_MS, 1, 1100]
    ] as const) {
      const world = new World('a:80', { periodMs, random: () => random })
      world.answer = () => false
      await world.scheduler.start()
      world.answer = () => true
      await world.clock.advance(periodMs * (0.9 + 0.2 * random))
      t.same(world.clock.delays, [delayMs])
    }
  }
)

t.test('checkSoon brings the next check forward, to one', async (t) => {
  const world = new World('a:80 b:80')
  world.answer = () => true
  await world.scheduler.start()
  world.scheduler.checkSoon(world.backend())
  world.scheduler.checkSoon(world.backend())
  t.equal(world.clock.delays.length, 2, 'still one timer a backend')
  await world.clock.advance(1000)
  t.same(world.timesOf(0), [0, 1000])
  t.same(world.timesOf(1), [0], 'the other one is left alone')
  await world.clock.advance(PERIOD_MS)
  t.same(world.timesOf(0), [0, 1000, 8500], 'and the period runs from there, spread by a half of it')
})

t.test('repeated calls of checkSoon do not postpone the check', async (t) => {
  const world = new World('a:80')
  world.answer = () => true
  await world.scheduler.start()
  for (let i = 0; i < 20; i++) {
    world.scheduler.checkSoon(world.backend())
    await world.clock.advance(100)
  }
  t.same(world.timesOf(0), [0, 1000, 2000])
})

t.test(
  'unhealthy backends have a period of their own, but in a transitional state it is a second',
  async (t) => {
    for (const [downPeriodMs, times] of [
      [2000, [10_000, 11_000, 12_000, 14_000, 16_000]],
      [30_000, [10_000, 11_000, 12_000, 42_000, 72_000]],
      [300, [10_000, 11_000, 12_000, 12_300, 12_600]]
    ] as const) {
      const world = new World('a:80', { downPeriodMs })
      world.answer = () => true
      await world.scheduler.start()
      world.answer = () => false
      await world.clock.advance(72_000)
      t.same(world.timesOf(0).slice(1, 6), times, `${downPeriodMs} ms`)
      world.answer = () => true
      await world.clock.advance(downPeriodMs + 1000)
      t.equal(world.backend().state, 'healthy')
      t.same(world.clock.delays, [PERIOD_MS], 'and then as before')
    }
  }
)

t.test('backends with a period of their own', async (t) => {
  const world = new World('a:80;check-period=3 b:80')
  world.answer = () => true
  await world.scheduler.start()
  await world.clock.advance(PERIOD_MS)
  t.same(world.timesOf(0), [0, 1500, 4500, 7500])
  t.same(world.timesOf(1), [0, 10_000])
})

t.test(
  'a backend without checks is healthy from the start, and checked only while it is unhealthy',
  async (t) => {
    const world = new World('a:80;no-check b:80', { rise: 1 })
    world.answer = () => true
    await world.scheduler.start()
    t.equal(world.backend(0).state, 'healthy')
    t.equal(world.backend(0).reason, 'taken for healthy, as it is not checked')
    world.scheduler.checkSoon(world.backend())
    await world.clock.advance(PERIOD_MS)
    t.same(world.timesOf(0), [], 'whatever becomes of its requests')
    world.registry.setState(world.backend(), 'unhealthy', 'connection refused')
    world.scheduler.checkSoon(world.backend())
    await world.clock.advance(PERIOD_MS)
    t.equal(world.timesOf(0).length, 1)
    t.equal(world.backend(0).state, world.backend(1).state)
  }
)

const MANY = 200
const many = Array.from({ length: MANY }, (_, id) => `backend-${id}:80`).join(' ')

/** The most checks that began within a span of time, from `fromMs` on. */
function densest(world: World, spanMs: number, fromMs: number): number {
  const times = world.checks.map(({ atMs }) => atMs).filter((atMs) => atMs >= fromMs)
  return Math.max(...times.map((start) => times.filter((t) => t >= start && t < start + spanMs).length))
}

t.test('200 backends: the first checks come 50 at a time', async (t) => {
  const world = new World(many)
  const starting = world.scheduler.start()
  t.equal(world.checks.length, 50)
  await world.checks[7]!.end(true)
  await world.checks[3]!.end(false)
  t.equal(world.checks.length, 52, 'one that has ended lets the next one begin')
  world.answer = () => true
  for (const { end } of [...world.checks]) void end(true)
  await starting
  t.same(new Set(world.checks.map(({ id }) => id)).size, MANY)
  t.equal(world.checks.length, MANY, 'each once')
  t.equal(world.clock.nowMs, 0, 'and without delay')
})

t.test('200 backends that do not answer delay the first checks by seconds at most', async (t) => {
  const world = new World(many)
  let started = false
  void world.scheduler.start().then(() => {
    started = true
  })
  await world.clock.advance(499)
  t.equal(world.checks.length, 50)
  await world.clock.advance(1001)
  t.equal(world.checks.length, MANY)
  await world.clock.advance(500)
  t.same(world.clock.delays, [], 'no timer is left of it')
  t.notOk(started)
  for (const { end } of world.checks) await end(false)
  t.ok(started)
})

t.test('200 backends: the checks are spread over the period from the beginning, and stay so', async (t) => {
  let seed = 1
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  const world = new World(many, { random })
  world.answer = () => true
  await world.scheduler.start()
  await world.clock.advance(10 * PERIOD_MS)
  const inSpan = densest(world, PERIOD_MS / 20, 1)
  t.ok(inSpan < 30, `never more than ${inSpan} in a twentieth of a period, where 10 would be even`)
  for (const { id } of world.registry.backends) {
    const times = world.timesOf(id)
    const gaps = times.slice(1).map((atMs, i) => atMs - times[i]!)
    t.ok(
      gaps.every((gapMs) => gapMs <= 1.1 * PERIOD_MS) && gaps.slice(1).every((ms) => ms >= 0.9 * PERIOD_MS)
    )
  }
})

t.test('the checks of 200 backends that were in a transitional state at once spread again', async (t) => {
  const world = new World(many)
  world.answer = () => true
  await world.scheduler.start()
  await world.clock.advance(2 * PERIOD_MS)
  for (const backend of world.registry.backends) world.scheduler.checkSoon(backend)
  await world.clock.advance(1001)
  const beforeMs = world.clock.nowMs
  await world.clock.advance(2 * PERIOD_MS)
  const inSpan = densest(world, PERIOD_MS / 20, beforeMs)
  t.ok(inSpan <= 21, `${inSpan} in a twentieth of a period`)
})

t.test('a stop during the first checks starts no more of them', async (t) => {
  const world = new World(many)
  void world.scheduler.start()
  world.scheduler.stop()
  for (const { end } of [...world.checks]) await end(true)
  await world.clock.advance(PERIOD_MS)
  t.equal(world.checks.length, 50)
})

t.test('a flapping backend is held back, and the reason says so', async (t) => {
  const held: string[] = []
  const onDamped = ({ reason }: Backend) => held.push(reason)
  const world = new World('a:80 b:80', { rise: 2, fall: 1, onDamped })
  world.answer = () => true
  await world.scheduler.start()
  const a = world.backend()
  const passesToCome = async () => {
    world.registry.setState(a, 'unhealthy', 'connection refused')
    a.counters.set(BackendCell.consecutiveSuccesses, 0)
    const before = world.timesOf(0).length
    world.scheduler.checkSoon(a)
    while (a.state !== 'healthy') await world.clock.advance(100)
    return world.timesOf(0).length - before
  }
  t.same([await passesToCome(), await passesToCome()], [2, 2])
  t.same(held, [])
  t.equal(await passesToCome(), 4)
  t.same(held, ['flapping, held back until 4 checks in a row pass'], 'told once')
  t.equal(a.reason, '4 checks passed after flapping: status 200')
  t.same([await passesToCome(), await passesToCome(), await passesToCome()], [8, 16, 32])
  await world.clock.advance(10 * 60_000)
  t.equal(await passesToCome(), 2, 'after some quiet minutes it is like any other')
})

t.test('recovery only: nothing is checked while a backend is healthy', async (t) => {
  const world = new World('a:80 b:80', { recoveryOnly: true, rise: 1 })
  await world.scheduler.start()
  await world.clock.advance(5 * PERIOD_MS)
  t.same(world.checks, [])
  t.same(world.clock.delays, [])
})

t.test('recovery only: an unhealthy backend is checked every second until it is back', async (t) => {
  const world = new World('a:80 b:80', { recoveryOnly: true, rise: 1 })
  world.answer = () => false
  await world.scheduler.start()
  world.registry.setState(world.backend(), 'unhealthy', 'connection refused')
  world.scheduler.checkSoon(world.backend())
  await world.clock.advance(3500)
  t.same(world.timesOf(0), [1000, 2000, 3000])
  world.answer = () => true
  await world.clock.advance(PERIOD_MS)
  t.same(world.timesOf(0), [1000, 2000, 3000, 4000])
  t.equal(world.backend().state, 'healthy')
  t.same(world.clock.delays, [], 'and left alone then')
})

t.test('stop leaves no timer, and none is set afterwards', async (t) => {
  const world = new World('a:80 b:80')
  world.answer = (backend) => backend.id === 0
  await world.scheduler.start()
  t.equal(world.clock.delays.length, 2)
  world.scheduler.stop()
  t.same(world.clock.delays, [])
  world.scheduler.checkSoon(world.backend())
  t.same(world.clock.delays, [])
  await world.clock.advance(5 * PERIOD_MS)
  t.equal(world.checks.length, 2)
})

t.test('the result of a check after the stop is ignored', async (t) => {
  const world = new World('a:80')
  const starting = world.scheduler.start()
  world.scheduler.stop()
  await world.checks[0]!.end(false)
  await starting
  t.equal(world.backend().state, 'checking')
  t.equal(world.backend().lastCheck, undefined)
  t.same(world.clock.delays, [])
})

t.test('its timers do not keep the process alive', async (t) => {
  const before = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const world = new World('a:80', { setTimeout, clearTimeout })
  world.answer = () => true
  await world.scheduler.start()
  t.equal(process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length, before)
  world.scheduler.stop()
})

t.test('a watched status counts at once, and a repeated one changes nothing', async (t) => {
  let stopped = 0
  const watch = { owner: undefined as WatchOwner | undefined, reconnect: () => {}, stop: () => stopped++ }
  const world = new World('a:80', { watch })
  const tell = (ok: boolean) =>
    watch.owner!.onStatus({ at: new Date(), ok, result: ok ? 'SERVING' : 'NOT_SERVING', latencyMs: 0 })
  let isWell = true
  world.answer = () => isWell
  await world.scheduler.start()
  isWell = false
  await world.clock.advance(PERIOD_MS)
  t.equal(world.backend().state, 'healthy', 'one failure may be by chance')
  tell(false)
  t.equal(world.backend().state, 'unhealthy')
  t.equal(world.backend().reason, '2 checks failed: NOT_SERVING')
  const checks = world.checks.length
  tell(false)
  t.equal(world.checks.length, checks)
  isWell = true
  tell(true)
  t.equal(world.checks.length, checks + 1, 'it is checked at once')
  await turn()
  t.equal(world.backend().state, 'healthy')
  tell(true)
  t.equal(world.checks.length, checks + 1)
  watch.owner!.onLost()
  await world.clock.advance(1000)
  t.equal(world.checks.length, checks + 2, 'so it is, soon, when it tells no more')
  world.scheduler.remove(world.backend())
  t.equal(stopped, 1)
})
