import t from 'tap'
import { peakEwmaPolicy } from '../../../lib/balancing/peak-ewma.js'
import { BackendCell } from '../../../lib/pool/counters.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { seededRandom } from '../../support/random.js'
import { registryOfWeights } from '../../support/registry.js'
import { busy, picks, requestWith, tally } from '../../support/selection.js'

/** A policy that has seen each backend answer once, at 0, after so many milliseconds. */
function knowing({ backends }: Registry, ...latenciesMs: number[]) {
  const policy = peakEwmaPolicy(seededRandom(1))
  latenciesMs.forEach((latencyMs, i) => {
    policy.onLatency!(backends[i]!, latencyMs, 0)
  })
  return policy
}

type Known = ReturnType<typeof knowing>

const pick = (policy: Known, { backends }: Registry) => policy.choose(backends, requestWith())!.id

/** What the second backend is taken to need, in whole milliseconds, where the first one answers in 1 ms. */
function latencyMs(policy: Known, registry: Registry): number {
  let ofFirst = 0
  while (pick(policy, busy(registry, ofFirst, 0)) === 0) ofFirst++
  return ofFirst
}

t.test('the backend that answers sooner is chosen, until it has as much more to do', async (t) => {
  const registry = registryOfWeights(1, 1)
  const policy = knowing(registry, 100, 10)
  t.same(tally(picks(policy, busy(registry, 0, 0).backends, 50), 2), [0, 50])
  t.equal(pick(policy, busy(registry, 0, 8)), 1, '9 × 10 ms')
  t.equal(pick(policy, busy(registry, 0, 10)), 0, '11 × 10 ms')
  t.equal(pick(policy, busy(registry, 1, 18)), 1, '19 × 10 ms against 2 × 100 ms')
})

t.test('weight counts as so many times the speed', async (t) => {
  const registry = registryOfWeights(3, 1)
  t.equal(pick(knowing(registry, 29, 10), registry), 0)
  t.equal(pick(knowing(registry, 31, 10), registry), 1)
})

t.test('chance decides among equals', async (t) => {
  const registry = registryOfWeights(1, 1)
  const [a] = tally(picks(knowing(registry, 10, 10), registry.backends, 1000), 2)
  t.ok(a! > 400 && a! < 600, `${a} of 1000`)
})

t.test('a rise is followed at once, a fall slowly', async (t) => {
  const registry = registryOfWeights(1, 1)
  const policy = knowing(registry, 1, 10.5)
  const [, other] = registry.backends
  t.equal(latencyMs(policy, registry), 10)
  policy.onLatency!(other!, 1000.5, 1)
  t.equal(latencyMs(policy, registry), 1000)
  policy.onLatency!(other!, 0, 1)
  t.equal(latencyMs(policy, registry), 1000, 'one that is fast says nothing yet')
  policy.onLatency!(other!, 0, 501)
  t.equal(latencyMs(policy, registry), Math.floor(1000.5 / Math.E))
})

t.test('while nothing is asked of a backend its average decays, so that it is tried again', async (t) => {
  const registry = registryOfWeights(1, 1)
  const [fast, slow] = registry.backends
  const policy = knowing(registry, 10, 50)
  let chosenMs = 0
  for (let nowMs = 50; !chosenMs && nowMs < 60_000; nowMs += 50) {
    // The other one goes on.
    fast!.acquire()
    fast!.release()
    policy.onLatency!(fast!, 10, nowMs)
    policy.tick!(nowMs)
    if (pick(policy, registry) === 1) chosenMs = nowMs
  }
  t.ok(Math.abs(chosenMs - 500 * Math.log(5)) < 60, `after ${chosenMs} ms`)
  policy.onLatency!(slow!, 50, chosenMs)
  t.equal(pick(policy, registry), 0, 'still slow')
})

t.test('but not while an answer is due, for up to a second', async (t) => {
  const registry = registryOfWeights(1, 1)
  const [fast, slow] = registry.backends
  const policy = knowing(registry, 10, 50)
  const passUntil = (from: number, to: number) => {
    for (let nowMs = from; nowMs <= to; nowMs += 50) {
      fast!.acquire()
      fast!.release()
      policy.onLatency!(fast!, 10, nowMs)
      policy.tick!(nowMs)
    }
  }
  slow!.acquire()
  passUntil(50, 1000)
  slow!.release()
  t.equal(pick(policy, busy(registry, 3, 0)), 0, '4 × 10 ms')
  passUntil(1050, 1200)
  t.equal(pick(policy, busy(registry, 3, 0)), 1)
  slow!.acquire()
  passUntil(1250, 1350)
  policy.onLatency!(slow!, 500, 1360)
  slow!.release()
  passUntil(1400, 1900)
  t.equal(pick(policy, busy(registry, 10, 0)), 0, '11 × 10 ms against 500 ms that have decayed for 540 ms')
  t.equal(pick(policy, busy(registry, 20, 0)), 1)
})

t.test('a tunnel that stays open does not keep it from that', async (t) => {
  const registry = busy(registryOfWeights(1, 1), 0, 1)
  const [fast, slow] = registry.backends
  const policy = knowing(registry, 10, 50)
  slow!.counters.addTotal(BackendCell.total, 1)
  for (let nowMs = 50; nowMs < 40_000; nowMs += 50) {
    fast!.acquire()
    fast!.release()
    policy.onLatency!(fast!, 10, nowMs)
    policy.tick!(nowMs)
  }
  t.equal(pick(policy, registry), 1)
})

t.test('while it is asked, nothing decays', async (t) => {
  const registry = registryOfWeights(1, 1)
  const policy = knowing(registry, 10, 50)
  for (let nowMs = 50; nowMs < 60_000; nowMs += 50) {
    for (const backend of registry.backends) backend.acquire()
    policy.tick!(nowMs)
    for (const backend of registry.backends) backend.release()
  }
  t.equal(pick(policy, busy(registry, 3, 0)), 0, '4 × 10 ms')
  t.equal(pick(policy, busy(registry, 5, 0)), 1, '6 × 10 ms')
})

t.test('after however long a night, requests in flight count', async (t) => {
  const registry = registryOfWeights(1, 1)
  const policy = knowing(registry, 10, 20)
  for (let nowMs = 0; nowMs < 50_000_000; nowMs += 5000) policy.tick!(nowMs)
  t.equal(pick(policy, busy(registry, 1, 0)), 1)
  t.equal(pick(policy, busy(registry, 0, 1)), 0)
})

t.test('backends of which nothing is known are asked one request at a time', async (t) => {
  const registry = registryOfWeights(1, 1, 1)
  const policy = knowing(registry, 500)
  const order = Array.from({ length: 5 }, () => {
    const backend = policy.choose(registry.backends, requestWith())!
    backend.acquire()
    return backend.id
  })
  t.same(order.slice(0, 2).sort(), [1, 2])
  t.same(order.slice(2), [0, 0, 0])
  policy.onLatency!(registry.backends[2]!, 10, 0)
  t.equal(pick(policy, registry), 2)
})

t.test('while nothing is known of any, requests spread by weight', async (t) => {
  const registry = registryOfWeights(1, 3)
  const policy = peakEwmaPolicy(seededRandom(3))
  for (let i = 0; i < 40; i++) policy.choose(registry.backends, requestWith())!.acquire()
  t.same(
    registry.backends.map(({ active }) => active),
    [10, 30]
  )
})

t.test('one that comes back is asked one request at a time too', async (t) => {
  const registry = registryOfWeights(1, 1)
  const [, other] = registry.backends
  const policy = knowing(registry, 10, 10)
  registry.setState(other!, 'unhealthy', 'test')
  for (let nowMs = 0; nowMs < 300_000; nowMs += 50) policy.tick!(nowMs)
  policy.onLatency!(registry.backends[0]!, 10, 300_000)
  registry.setState(other!, 'healthy', 'test')
  t.equal(pick(policy, registry), 1)
  t.equal(pick(policy, busy(registry, 20, 1)), 0)
})

t.test('one that comes back with a tunnel of before draws no crowd', async (t) => {
  const registry = registryOfWeights(1, 1)
  const [one, other] = registry.backends
  const policy = knowing(registry, 10, 10)
  busy(registry, 0, 1)
  registry.setDraining(other!, true, 'test')
  for (let nowMs = 0; nowMs < 300_000; nowMs += 50) {
    one!.acquire()
    one!.release()
    policy.tick!(nowMs)
  }
  registry.setDraining(other!, false, 'test')
  other!.counters.set(BackendCell.effectiveWeight, 100)
  one!.acquire()
  policy.tick!(300_000)
  t.equal(pick(policy, busy(registry, 0, 1)), 0)
  t.equal(pick(policy, busy(registry, 2, 1)), 1)
})
