import t from 'tap'
import { registryOf } from '../../support/registry.js'

t.test('a backend that comes back starts slowly', async (t) => {
  const registry = registryOf('a:1;weight=2 b:1', { slowStartMs: 10_000 })
  const [a] = registry.backends
  registry.tick(0)
  t.equal(a!.effectiveWeight, 200, 'not at the start of the process')
  registry.setState(a!, 'unhealthy', 'test')
  registry.tick(1000)
  registry.setState(a!, 'healthy', 'test')
  const shares = [20, 20, 50, 100, 200, 200]
  for (const [i, afterMs] of [0, 500, 2500, 5000, 10_000, 60_000].entries()) {
    registry.tick(1000 + afterMs)
    t.equal(a!.effectiveWeight, shares[i], `after ${afterMs} ms`)
  }
})

t.test('after a first check it does not', async (t) => {
  const registry = registryOf('a:1', { slowStartMs: 10_000, initialState: 'checking' })
  registry.setState(registry.backends[0]!, 'healthy', 'test')
  t.equal(registry.backends[0]!.effectiveWeight, 100)
})

t.test('a backend that is drained is given nothing, whatever its checks say', async (t) => {
  const registry = registryOf('a:1 b:1')
  const [a] = registry.backends
  const told: string[] = []
  registry.on('rotation', ({ kind }) => told.push(kind))
  registry.setDraining(a!, true, 'test')
  registry.setDraining(a!, true, 'test')
  registry.setState(a!, 'unhealthy', 'test')
  registry.setState(a!, 'healthy', 'test')
  t.same([a!.eligible, a!.status, registry.eligibleCount], [false, 'draining', 1])
  registry.setDraining(a!, false, 'test')
  t.same([a!.eligible, a!.status], [true, 'healthy'])
  t.same(told, ['draining', 'drain ended'])
})

t.test('in a panic unhealthy backends are used, but none that is drained', async (t) => {
  const registry = registryOf('a:1 b:1 c:1', { panic: true })
  const [a, b, c] = registry.backends
  const told: boolean[] = []
  registry.on('panic', (begins) => told.push(begins))
  registry.setDraining(c!, true, 'test')
  registry.setState(a!, 'unhealthy', 'test')
  t.same([registry.panicking, a!.eligible], [false, false])
  registry.setState(b!, 'unhealthy', 'test')
  t.same([a!.eligible, b!.eligible, c!.eligible], [true, true, false])
  registry.setState(b!, 'healthy', 'test')
  t.same([a!.eligible, b!.eligible], [false, true])
  t.same(told, [true, false])
})
