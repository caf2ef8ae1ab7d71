import t from 'tap'
import { roundRobinPolicy } from '../../../lib/balancing/round-robin.js'
import { registryOfWeights } from '../../support/registry.js'
import { picks, requestWith, tally } from '../../support/selection.js'

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

t.test('a turn is taken from those that were not tried', async (t) => {
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
