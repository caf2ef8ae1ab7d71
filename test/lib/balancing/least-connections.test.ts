import t from 'tap'
import { leastConnections } from '../../../lib/balancing/least-connections.js'
import { HEALTHY, STATES } from '../../../lib/pool/backend.js'
import { BackendCell } from '../../../lib/pool/counters.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { seededRandom } from '../../support/random.js'
import { registryOfWeights } from '../../support/registry.js'

const first = () => 0.999_999
const last = () => 0

function busy(registry: Registry, ...active: number[]): Registry {
  registry.backends.forEach(({ counters }, i) => {
    counters.set(BackendCell.active, active[i]!)
  })
  return registry
}

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

t.test('requests that stay spread by weight exactly', async (t) => {
  const registry = registryOfWeights(1, 2, 5)
  const random = seededRandom(1)
  for (let i = 0; i < 80; i++) leastConnections(registry.backends, random)!.acquire()
  t.same(
    registry.backends.map(({ active }) => active),
    [10, 20, 50]
  )
})

t.test('chance decides among equals', async (t) => {
  const equals = busy(registryOfWeights(1, 1, 2), 1, 1, 2)
  t.equal(pick(equals, first), 0)
  t.equal(pick(equals, last), 2)
})

t.test('chance decides in proportion to the weight', async (t) => {
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

t.test('passes over a backend that is not healthy', async (t) => {
  for (const state of STATES.keys()) {
    const registry = busy(registryOfWeights(1, 1), 0, 9)
    registry.setState(registry.backends[0]!, STATES[state]!, 'test')
    t.equal(pick(registry), state === HEALTHY ? 0 : 1, STATES[state]!)
  }
})

t.test('passes over those tried, however idle', async (t) => {
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
