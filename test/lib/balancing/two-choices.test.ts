import t from 'tap'
import { twoChoicesPolicy } from '../../../lib/balancing/two-choices.js'
import { BackendCell } from '../../../lib/pool/counters.js'
import { seededRandom } from '../../support/random.js'
import { registryOf, registryOfWeights } from '../../support/registry.js'
import { busy, chiSquare, picks, requestWith, tally } from '../../support/selection.js'

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

t.test('idle ones share evenly', async (t) => {
  const counts = tally(
    picks(twoChoicesPolicy(seededRandom(4)), registryOfWeights(1, 1, 1, 1).backends, 20_000),
    4
  )
  t.ok(chiSquare(counts, [1, 1, 1, 1]) < 16.27, `${counts}`)
})

t.test('idle ones share by weight', async (t) => {
  const counts = tally(
    picks(twoChoicesPolicy(seededRandom(4)), registryOfWeights(1, 2, 5).backends, 20_000),
    3
  )
  t.ok(chiSquare(counts, [1, 2, 5]) < 16.27, `${counts}`)
})

t.test('requests that stay spread about by weight', async (t) => {
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
  only!.counters.set(BackendCell.active, 99)
  t.equal(twoChoicesPolicy(seededRandom(6)).choose([full!, only!], requestWith()), only)
})
