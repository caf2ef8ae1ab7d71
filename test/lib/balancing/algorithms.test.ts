import t from 'tap'
import { policyOf } from '../../../lib/balancing/algorithms.js'
import { leastConnections } from '../../../lib/balancing/least-connections.js'
import type { Algorithm } from '../../../lib/balancing/options.js'
import { peakEwmaPolicy } from '../../../lib/balancing/peak-ewma.js'
import { roundRobinPolicy } from '../../../lib/balancing/round-robin.js'
import { twoChoicesPolicy } from '../../../lib/balancing/two-choices.js'
import { HEALTHY, STATES } from '../../../lib/pool/backend.js'
import { BackendCell } from '../../../lib/pool/cells.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { seededRandom } from '../../support/random.js'
import { registryOf, registryOfWeights } from '../../support/registry.js'
import { busy, chiSquare, picks, requestWith, tally } from '../../support/selection.js'

// Least connections

const first = () => 0.999_999
const last = () => 0

const pick = ({ backends }: Registry, random = first) => leastConnections(backends, random)?.id

t.test('takes the backend with the fewest requests in flight', async (t) => {
  t.equal(pick(busy(registryOfWeights(1, 1, 1), 3, 1, 2)), 1)
  t.equal(pick(busy(registryOfWeights(1, 1, 1), 0, 1, 2)), 0)
  t.equal(pick(busy(registryOfWeights(1, 1, 1), 3, 1, 0)), 2)
})

t.test('in proportion to the weight', async (t) => {
  t.equal(pick(busy(registryOfWeights(1, 4), 1, 3)), 1, '3/4 is less than 1')
  t.equal(pick(busy(registryOfWeights(1, 4), 1, 5)), 0, '5/4 is more')
  t.equal(pick(busy(registryOfWeights(255, 256), 254, 255)), 0, '254/255 and 255/256 are told apart')
  t.equal(pick(busy(registryOfWeights(256, 255), 999_999, 999_999)), 0)
})

t.test('requests in flight spread exactly by weight', async (t) => {
  const registry = registryOfWeights(1, 2, 5)
  const random = seededRandom(1)
  for (let i = 0; i < 80; i++) leastConnections(registry.backends, random)!.acquire()
  t.same(
    registry.backends.map(({ active }) => active),
    [10, 20, 50]
  )
})

t.test('ties are broken at random', async (t) => {
  const equals = busy(registryOfWeights(1, 1, 2), 1, 1, 2)
  t.equal(pick(equals, first), 0)
  t.equal(pick(equals, last), 2)
})

t.test('ties are broken in proportion to the weight', async (t) => {
  const random = seededRandom(20)
  const picks = 20_000
  for (const weights of [
    [1, 1, 1],
    [1, 2, 5],
    [9, 3, 1, 1],
    [1, 256]
  ]) {
    const { backends } = registryOfWeights(...weights)
    const counts = weights.map(() => 0)
    for (let i = 0; i < picks; i++) counts[leastConnections(backends, random)!.id]!++
    const weightSum = weights.reduce((sum, weight) => sum + weight)
    const chiSquare = weights.reduce((sum, weight, id) => {
      const expected = (picks * weight) / weightSum
      return sum + (counts[id]! - expected) ** 2 / expected
    }, 0)
    // One in a thousand right implementations exceeds it, with three degrees of freedom; the seed makes it always the same.
    t.ok(chiSquare < 16.27, `${weights} → ${counts}, χ² = ${chiSquare.toFixed(2)}`)
  }
})

t.test('equals are only those with the least', async (t) => {
  const registry = busy(registryOfWeights(1, 1, 1, 1), 2, 1, 1, 2)
  const random = seededRandom(3)
  const picked = new Set(Array.from({ length: 100 }, () => pick(registry, random)))
  t.same([...picked].sort(), [1, 2])
})

t.test('skips a backend that is not healthy', async (t) => {
  for (const state of STATES.keys()) {
    const registry = busy(registryOfWeights(1, 1), 0, 9)
    registry.setState(registry.backends[0]!, STATES[state]!, 'test')
    t.equal(pick(registry), state === HEALTHY ? 0 : 1, STATES[state]!)
  }
})

t.test('skips those that were tried, however idle', async (t) => {
  const { backends } = busy(registryOfWeights(1, 1, 1), 0, 5, 1)
  const [a, b, c] = backends
  t.equal(leastConnections(backends, first, [a!]), c)
  t.equal(leastConnections(backends, first, [a!, c!]), b)
  t.equal(leastConnections(backends, first, []), a)
})

t.test('there may be none', async (t) => {
  const registry = registryOfWeights(1, 1)
  const { backends } = registry
  t.equal(leastConnections([], first), undefined)
  t.equal(leastConnections(backends, first, backends), undefined)
  registry.setState(backends[0]!, 'unhealthy', 'test')
  t.equal(leastConnections(backends, first, [backends[1]!]), undefined)
})

// Round robin

const names = (ids: number[]) => ids.map((id) => 'ABCD'[id]).join('')

t.test('each in turn', async (t) => {
  t.equal(names(picks(roundRobinPolicy(), registryOfWeights(1, 1, 1).backends, 9)), 'ABCABCABC')
})

t.test('weights are spread over the round', async (t) => {
  t.equal(names(picks(roundRobinPolicy(), registryOfWeights(3, 1).backends, 8)), 'AABAAABA')
  t.equal(names(picks(roundRobinPolicy(), registryOfWeights(5, 1, 1).backends, 7)), 'AABACAA')
})

t.test('each round is exact, however weights lie', async (t) => {
  const { backends } = registryOfWeights(1, 256, 7, 31)
  const policy = roundRobinPolicy()
  for (let i = 0; i < 3; i++) t.same(tally(picks(policy, backends, 295), 4), [1, 256, 7, 31])
})

t.test('the others go on in turn while one is away, and it does not catch up on its return', async (t) => {
  const registry = registryOfWeights(1, 1, 1)
  const { backends } = registry
  const policy = roundRobinPolicy()
  t.equal(names(picks(policy, backends, 3)), 'ABC')
  registry.setDraining(backends[1]!, true, 'test')
  t.equal(names(picks(policy, backends, 40)), 'AC'.repeat(20))
  registry.setDraining(backends[1]!, false, 'test')
  t.same(
    tally(picks(policy, backends, 30), 3).map((count) => Math.abs(count - 10) <= 1),
    [true, true, true]
  )
})

t.test('those that were tried are skipped', async (t) => {
  const { backends } = registryOfWeights(1, 1, 1)
  const policy = roundRobinPolicy()
  const [a, , c] = backends
  t.equal(policy.choose(backends, requestWith(), [a!, c!]), backends[1])
  t.not(policy.choose(backends, requestWith(), [a!]), a)
})

t.test('two policies do not share a turn', async (t) => {
  const { backends } = registryOfWeights(1, 1)
  t.equal(names(picks(roundRobinPolicy(), backends, 1)), 'A')
  t.equal(names(picks(roundRobinPolicy(), backends, 1)), 'A')
})

// Two random choices

t.test('of two it is always the one with less in flight', async (t) => {
  const { backends } = busy(registryOfWeights(1, 1), 3, 2)
  t.same(tally(picks(twoChoicesPolicy(seededRandom(1)), backends, 200), 2), [0, 200])
})

t.test('for its weight', async (t) => {
  const policy = twoChoicesPolicy(seededRandom(2))
  t.same(tally(picks(policy, busy(registryOfWeights(1, 4), 1, 3).backends, 200), 2), [0, 200])
  t.same(tally(picks(policy, busy(registryOfWeights(1, 4), 1, 5).backends, 200), 2), [200, 0])
})

t.test(
  'two different ones are compared: the worst of all is never chosen, and the best not always',
  async (t) => {
    const { backends } = busy(registryOfWeights(1, 1, 1), 9, 5, 1)
    const [worst, middle, best] = tally(picks(twoChoicesPolicy(seededRandom(3)), backends, 9000), 3)
    t.equal(worst, 0)
    // The best is one of the two in two of three pairs.
    t.ok(Math.abs(best! - 6000) < 200, `${best} of 9000`)
    t.ok(middle! > 0)
  }
)

t.test('idle backends share evenly', async (t) => {
  const counts = tally(
    picks(twoChoicesPolicy(seededRandom(4)), registryOfWeights(1, 1, 1, 1).backends, 20_000),
    4
  )
  t.ok(chiSquare(counts, [1, 1, 1, 1]) < 16.27, `${counts}`)
})

t.test('idle backends share by weight', async (t) => {
  const counts = tally(
    picks(twoChoicesPolicy(seededRandom(4)), registryOfWeights(1, 2, 5).backends, 20_000),
    3
  )
  t.ok(chiSquare(counts, [1, 2, 5]) < 16.27, `${counts}`)
})

t.test('requests in flight spread about by weight', async (t) => {
  const { backends } = registryOfWeights(1, 2, 5)
  const policy = twoChoicesPolicy(seededRandom(5))
  for (let i = 0; i < 800; i++) policy.choose(backends, requestWith())!.acquire()
  backends.forEach(({ active, weight }, i) => {
    t.ok(Math.abs(active - 100 * weight) <= 15, `${active} at ${i}`)
  })
})

t.test('where only one can be chosen, it is', async (t) => {
  const [full, only] = registryOf('a:80;max=1 b:80').backends
  full!.acquire()
  only!.counters.change(BackendCell.active, 99)
  t.equal(twoChoicesPolicy(seededRandom(6)).choose([full!, only!], requestWith()), only)
})

// Random choice, and slow starts

const ALGORITHMS: Algorithm[] = ['least-connections', 'peak-ewma', 'p2c', 'round-robin', 'random', 'hash']

/** Keyed by a header, so that what has one is hashed and what has none is not. */
const policyFor = (algorithm: Algorithm, seed = 1) =>
  policyOf(algorithm, ({ headers }) => headers['x-key']?.toString(), seededRandom(seed))

const requests = Array.from({ length: 100 }, (_, i) => requestWith(i % 2 ? { 'x-key': `${i}` } : {}))

for (const algorithm of ALGORITHMS) {
  t.test(`${algorithm}: nobody is chosen who must not be`, async (t) => {
    const registry = registryOf('a:80 b:80 c:80;max=2 d:80 e:80 f:80')
    const [tried, down, full, draining, ejected, only] = registry.backends
    registry.setState(down!, 'unhealthy', 'test')
    full!.counters.change(BackendCell.active, 2)
    registry.setDraining(draining!, true, 'test')
    registry.setEjected(ejected!, true, 'test')
    only!.counters.change(BackendCell.active, 50)
    const policy = policyFor(algorithm)
    for (const req of requests)
      if (policy.choose(registry.backends, req, [tried!]) !== only) t.fail('another one was chosen')
    t.equal(policy.choose(registry.backends, requests[0]!, [tried!, only!]), undefined)
    t.equal(policy.choose(registry.backends, requests[1]!, [tried!, only!]), undefined)
    t.equal(policy.choose([], requests[0]!), undefined)
    t.equal(policy.choose([], requests[1]!), undefined)
  })

  t.test(`${algorithm}: everybody else is`, async (t) => {
    const { backends } = registryOfWeights(1, 1, 1)
    const policy = policyFor(algorithm)
    const chosen = new Set(requests.map((req) => policy.choose(backends, req)!.id))
    t.same([...chosen].sort(), [0, 1, 2])
  })
}

for (const algorithm of ['least-connections', 'peak-ewma', 'random'] as const) {
  t.test(`${algorithm}: idle backends share by weight`, async (t) => {
    for (const weights of [
      [1, 1, 1],
      [1, 2, 5],
      [9, 3, 1, 1],
      [1, 256]
    ]) {
      const { backends } = registryOfWeights(...weights)
      const counts = tally(picks(policyFor(algorithm, 7), backends, 20_000), weights.length)
      t.ok(chiSquare(counts, weights) < 16.27, `${weights} → ${counts}`)
    }
  })
}

t.test('random: how busy they are changes nothing', async (t) => {
  const { backends } = registryOfWeights(1, 2, 5)
  backends[2]!.counters.change(BackendCell.active, 1000)
  const counts = tally(picks(policyFor('random', 3), backends, 20_000), 3)
  t.ok(chiSquare(counts, [1, 2, 5]) < 16.27, `${counts}`)
})

t.test('a slow start counts as the weight that it gives', async (t) => {
  for (const algorithm of ['least-connections', 'peak-ewma', 'p2c', 'random', 'round-robin'] as const) {
    const { backends } = registryOfWeights(1, 1)
    backends[0]!.counters.set(BackendCell.effectiveWeight, 10)
    const [slow] = tally(picks(policyFor(algorithm, 5), backends, 11_000), 2)
    t.ok(slow! > 850 && slow! < 1150, `${algorithm}: ${slow} of 11 000`)
  }
})

// Peak EWMA

/** A policy that has seen each backend answer once, at 0, after so many milliseconds. */
function knowing({ backends }: Registry, ...latenciesMs: number[]) {
  const policy = peakEwmaPolicy(seededRandom(1))
  latenciesMs.forEach((latencyMs, i) => {
    policy.onLatency!(backends[i]!, latencyMs, 0)
  })
  return policy
}

type Known = ReturnType<typeof knowing>

const chosen = (policy: Known, { backends }: Registry) => policy.choose(backends, requestWith())!.id

/** What the second backend is taken to need, in whole milliseconds, where the first one answers in 1 ms. */
function latencyMs(policy: Known, registry: Registry): number {
  let ofFirst = 0
  while (chosen(policy, busy(registry, ofFirst, 0)) === 0) ofFirst++
  return ofFirst
}

t.test('the faster backend is chosen, until it has as much more to do', async (t) => {
  const registry = registryOfWeights(1, 1)
  const policy = knowing(registry, 100, 10)
  t.same(tally(picks(policy, busy(registry, 0, 0).backends, 50), 2), [0, 50])
  t.equal(chosen(policy, busy(registry, 0, 8)), 1, '9 × 10 ms')
  t.equal(chosen(policy, busy(registry, 0, 10)), 0, '11 × 10 ms')
  t.equal(chosen(policy, busy(registry, 1, 18)), 1, '19 × 10 ms against 2 × 100 ms')
})

t.test('weight counts as so many times the speed', async (t) => {
  const registry = registryOfWeights(3, 1)
  t.equal(chosen(knowing(registry, 29, 10), registry), 0)
  t.equal(chosen(knowing(registry, 31, 10), registry), 1)
})

t.test('ties are broken at random between equally fast backends', async (t) => {
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

t.test('the average of a backend without requests decays, so that it is tried again', async (t) => {
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
    if (chosen(policy, registry) === 1) chosenMs = nowMs
  }
  t.ok(Math.abs(chosenMs - 500 * Math.log(5)) < 60, `after ${chosenMs} ms`)
  policy.onLatency!(slow!, 50, chosenMs)
  t.equal(chosen(policy, registry), 0, 'still slow')
})

t.test('but not while a response is due, for up to a second', async (t) => {
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
  t.equal(chosen(policy, busy(registry, 3, 0)), 0, '4 × 10 ms')
  passUntil(1050, 1200)
  t.equal(chosen(policy, busy(registry, 3, 0)), 1)
  slow!.acquire()
  passUntil(1250, 1350)
  policy.onLatency!(slow!, 500, 1360)
  slow!.release()
  passUntil(1400, 1900)
  t.equal(chosen(policy, busy(registry, 10, 0)), 0, '11 × 10 ms against 500 ms that have decayed for 540 ms')
  t.equal(chosen(policy, busy(registry, 20, 0)), 1)
})

t.test('an open tunnel does not keep it from decaying', async (t) => {
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
  t.equal(chosen(policy, registry), 1)
})

t.test('the average of a backend with requests does not decay', async (t) => {
  const registry = registryOfWeights(1, 1)
  const policy = knowing(registry, 10, 50)
  for (let nowMs = 50; nowMs < 60_000; nowMs += 50) {
    for (const backend of registry.backends) backend.acquire()
    policy.tick!(nowMs)
    for (const backend of registry.backends) backend.release()
  }
  t.equal(chosen(policy, busy(registry, 3, 0)), 0, '4 × 10 ms')
  t.equal(chosen(policy, busy(registry, 5, 0)), 1, '6 × 10 ms')
})

t.test('after however long without requests, requests in flight count', async (t) => {
  const registry = registryOfWeights(1, 1)
  const policy = knowing(registry, 10, 20)
  for (let nowMs = 0; nowMs < 50_000_000; nowMs += 5000) policy.tick!(nowMs)
  t.equal(chosen(policy, busy(registry, 1, 0)), 1)
  t.equal(chosen(policy, busy(registry, 0, 1)), 0)
})

t.test('backends without an average get one request at a time', async (t) => {
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
  t.equal(chosen(policy, registry), 2)
})

t.test('while no backend has an average, requests spread by weight', async (t) => {
  const registry = registryOfWeights(1, 3)
  const policy = peakEwmaPolicy(seededRandom(3))
  for (let i = 0; i < 40; i++) policy.choose(registry.backends, requestWith())!.acquire()
  t.same(
    registry.backends.map(({ active }) => active),
    [10, 30]
  )
})

t.test('one that is eligible again gets one request at a time, too', async (t) => {
  const registry = registryOfWeights(1, 1)
  const [, other] = registry.backends
  const policy = knowing(registry, 10, 10)
  registry.setState(other!, 'unhealthy', 'test')
  for (let nowMs = 0; nowMs < 300_000; nowMs += 50) policy.tick!(nowMs)
  policy.onLatency!(registry.backends[0]!, 10, 300_000)
  registry.setState(other!, 'healthy', 'test')
  t.equal(chosen(policy, registry), 1)
  t.equal(chosen(policy, busy(registry, 20, 1)), 0)
})

t.test('one that is eligible again with an open tunnel attracts no herd', async (t) => {
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
  t.equal(chosen(policy, busy(registry, 0, 1)), 0)
  t.equal(chosen(policy, busy(registry, 2, 1)), 1)
})
