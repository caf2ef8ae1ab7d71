import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { Backend, CheckResult } from '../../../lib/backend.js'
import { HealthScheduler, type SchedulerOptions } from '../../../lib/health/scheduler.js'
import type { Registry } from '../../../lib/registry.js'
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

  constructor(backends: string, options: Partial<SchedulerOptions> = {}) {
    const initialState = options.recoveryOnly ? 'healthy' : 'checking'
    this.registry = registryOf(backends, { initialState })
    this.scheduler = new HealthScheduler(this.registry, {
      periodMs: PERIOD_MS,
      rise: 2,
      fall: 3,
      recoveryOnly: false,
      random: () => 0.5,
      probe: (backend) => this.#probe(backend),
      setTimeout: this.clock.setTimeout,
      clearTimeout: this.clock.clearTimeout,
      ...options
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

t.test('every backend is checked once a period', async (t) => {
  const world = new World('a:80 b:80')
  world.answer = () => true
  await world.scheduler.start()
  await world.clock.advance(3 * PERIOD_MS)
  t.same(world.timesOf(0), [0, 10_000, 20_000, 30_000])
  t.same(world.timesOf(1), [0, 10_000, 20_000, 30_000])
})

t.test('give or take a tenth, by chance', async (t) => {
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

t.test('the delay is drawn anew each time', async (t) => {
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

t.test('a slow backend delays no other', async (t) => {
  const world = new World('slow:80 b:80')
  void world.scheduler.start()
  await world.checks[1]!.end(true)
  world.answer = () => true
  await world.clock.advance(2 * PERIOD_MS)
  t.same(world.timesOf(1), [0, 10_000, 20_000])
  t.same(world.timesOf(0), [0])
})

t.test('in doubt, a backend is asked every second until it is certain', async (t) => {
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

t.test('or at the period, where that is shorter; with the same jitter', async (t) => {
  for (const [periodMs, random, delayMs] of [
    [300, 0.5, 300],
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
})

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
  t.same(world.timesOf(0), [0, 1000, 11_000], 'and the period runs from there')
})

t.test('a check that is asked for again and again comes all the same', async (t) => {
  const world = new World('a:80')
  world.answer = () => true
  await world.scheduler.start()
  for (let i = 0; i < 20; i++) {
    world.scheduler.checkSoon(world.backend())
    await world.clock.advance(100)
  }
  t.same(world.timesOf(0), [0, 1000, 2000])
})

t.test('for recovery only: nothing is checked before it is out', async (t) => {
  const world = new World('a:80 b:80', { recoveryOnly: true, rise: 1 })
  await world.scheduler.start()
  await world.clock.advance(5 * PERIOD_MS)
  t.same(world.checks, [])
  t.same(world.clock.delays, [])
})

t.test('for recovery only: one that is out is asked every second until it is back', async (t) => {
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

t.test('stop ends it: no timer is left, and none comes', async (t) => {
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

t.test('what a check finds after the stop counts no more', async (t) => {
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
