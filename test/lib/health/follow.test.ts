import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { HealthScheduler } from '../../../lib/health/scheduler.js'
import type { Backend } from '../../../lib/pool/backend.js'
import { BackendCell } from '../../../lib/pool/cells.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { FakeClock } from '../../support/fake-clock.js'
import { registryOf } from '../../support/registry.js'

const PERIOD_MS = 10_000

/** Pools of which each takes the place of the one before, and the checks of their backends. */
class World {
  readonly clock = new FakeClock()
  /** Which backend was checked, and when. */
  readonly checks: [address: string, atMs: number][] = []
  /** Without it no check ends. */
  passes: boolean | undefined = true
  registry: Registry
  scheduler: HealthScheduler

  constructor(backends: string) {
    this.registry = registryOf(backends, { initialState: 'checking' })
    this.scheduler = this.#schedulerOf(this.registry)
  }

  /** Another pool takes over. */
  async succeed(backends: string): Promise<void> {
    const before = this.registry
    this.registry = registryOf(backends, { initialState: 'checking' }, before)
    const scheduler = this.#schedulerOf(this.registry)
    scheduler.follow(this.scheduler)
    this.scheduler.stop()
    this.scheduler = scheduler
    before.retire(this.registry)
    void scheduler.start()
    await turn()
  }

  countOf(address: string): number {
    return this.checks.filter(([each]) => each === address).length
  }

  get states(): string[] {
    return this.registry.backends.map(({ state }) => state)
  }

  #schedulerOf(registry: Registry): HealthScheduler {
    const { clock } = this
    const thresholds = { rise: 2, fall: 1, recoveryOnly: false }
    const plan = { ...thresholds, periodMs: PERIOD_MS, downPeriodMs: PERIOD_MS }
    const scheduler = new HealthScheduler(registry, {
      planOf: () => ({ ...plan, probe: (backend) => this.#probe(backend) }),
      random: () => 0.5,
      now: () => clock.nowMs,
      setTimeout: clock.setTimeout,
      clearTimeout: clock.clearTimeout
    })
    registry.on('state', ({ backend, from, to }) => {
      if (from === 'healthy' && to === 'unhealthy') scheduler.recordFall(backend)
    })
    return scheduler
  }

  async #probe({ address }: Backend) {
    this.checks.push([address, this.clock.nowMs])
    const { passes } = this
    if (passes === undefined) await new Promise(() => {})
    return { at: new Date(), ok: passes!, result: 'by the test', latencyMs: 1 }
  }
}

t.test(
  'backends that are known are checked when they would have been, however often pools change',
  async (t) => {
    const world = new World('a:80 b:80')
    await world.scheduler.start()
    for (let i = 0; i < 8; i++) {
      await world.clock.advance(4000)
      await world.succeed('a:80 b:80')
    }
    t.same(
      world.checks.map(([address, atMs]) => `${address} ${atMs / 1000}`),
      ['a:80 0', 'b:80 0', 'a:80 5', 'b:80 10', 'a:80 15', 'b:80 20', 'a:80 25', 'b:80 30']
    )
  }
)

t.test('one that joins is checked at once, the others are not', async (t) => {
  const world = new World('a:80')
  await world.scheduler.start()
  await world.clock.advance(1000)
  await world.succeed('a:80 b:80')
  t.same(world.checks.slice(1), [['b:80', 1000]])
  t.same(world.states, ['healthy', 'healthy'])
})

t.test('a check that is under way when pools change is made again', async (t) => {
  const world = new World('a:80 b:80')
  await world.scheduler.start()
  world.passes = undefined
  await world.clock.advance(6000)
  t.same(world.checks.slice(2), [['a:80', 5000]])
  world.passes = true
  await world.succeed('a:80 b:80')
  t.same(world.checks.slice(3), [['a:80', 6000]])
})

t.test(
  'what is soon to be checked still is, and one that flaps is held back by its falls of before',
  async (t) => {
    const world = new World('a:80 b:80')
    await world.scheduler.start()
    for (let falls = 1; falls <= 3; falls++) {
      const [a] = world.registry.backends as [Backend]
      world.registry.setState(a, 'unhealthy', 'connection refused')
      a.counters.set(BackendCell.consecutiveSuccesses, 0)
      world.scheduler.checkSoon(a)
      await world.succeed('a:80 b:80')
      const before = world.countOf('a:80')
      while (world.states[0] !== 'healthy') await world.clock.advance(1000)
      t.equal(world.countOf('a:80') - before, falls < 3 ? 2 : 4)
    }
  }
)

t.test('one that leaves while its first check waits for those of others is never checked', async (t) => {
  const world = new World(Array.from({ length: 51 }, (_, index) => `b${index}:80`).join(' '))
  world.passes = undefined
  void world.scheduler.start()
  const last = world.registry.backends.at(-1)!
  world.registry.remove(last)
  world.scheduler.remove(last)
  world.passes = true
  await world.clock.advance(2 * PERIOD_MS)
  t.equal(world.countOf('b0:80'), 1)
  t.equal(world.countOf(last.address), 0)
})
