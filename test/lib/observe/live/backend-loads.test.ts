import t from 'tap'
import { BackendLoads } from '../../../../lib/observe/live/backend-loads.js'
import { backendConfigs, registryOf } from '../../../support/registry.js'

t.test('each backend’s requests of each second, for a minute', async (t) => {
  const registry = registryOf('a:80 b:80')
  const [a, b] = registry.backends
  const loads = new BackendLoads(registry)
  t.same(loads.of(a!), [])
  a!.acquire()
  loads.sample()
  t.same(loads.of(a!), [], 'what came before it looked came at no known time')
  for (let second = 1; second <= 100; second++) {
    for (let i = 0; i < second; i++) a!.acquire()
    loads.sample()
  }
  t.equal(loads.of(a!).length, 60)
  t.equal(loads.of(a!)[0], 41)
  t.equal(loads.of(a!).at(-1), 100)
  t.same(new Set(loads.of(b!)), new Set([0]))
})

t.test('backends that join and leave', async (t) => {
  const registry = registryOf('a:80 b:80')
  const [a] = registry.backends
  const loads = new BackendLoads(registry)
  for (let i = 0; i < 3; i++) loads.sample()
  const added = registry.add(backendConfigs('c:80')[0]!)
  added.acquire()
  loads.sample()
  added.acquire()
  loads.sample()
  t.same(loads.of(added), [1])
  registry.remove(a!)
  loads.sample()
  t.same(loads.of(a!), [])
})
