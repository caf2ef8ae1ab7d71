import t from 'tap'
import { policyOf } from '../../../lib/balancing/algorithms.js'
import type { Algorithm } from '../../../lib/balancing/options.js'
import { BackendCell } from '../../../lib/pool/counters.js'
import { seededRandom } from '../../support/random.js'
import { registryOf, registryOfWeights } from '../../support/registry.js'
import { chiSquare, picks, requestWith, tally } from '../../support/selection.js'

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
    full!.counters.set(BackendCell.active, 2)
    registry.setDraining(draining!, true, 'test')
    registry.setEjected(ejected!, true, 'test')
    only!.counters.set(BackendCell.active, 50)
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
  backends[2]!.counters.set(BackendCell.active, 1000)
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
