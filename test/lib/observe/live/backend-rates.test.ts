import t from 'tap'
import { BackendRates } from '../../../../lib/observe/live/backend-rates.js'
import { backendConfigs, registryOf } from '../../../support/registry.js'

t.test('each backend’s requests of each second, for a minute', async (t) => {
  const registry = registryOf('a:80 b:80')
  const [a, b] = registry.backends
  const rates = new BackendRates(registry)
  t.same(rates.of(a!), [])
  a!.acquire()
  rates.sample()
  t.same(rates.of(a!), [], 'what came before it looked came at no known time')
  for (let second = 1; second <= 100; second++) {
    for (let i = 0; i < second; i++) a!.acquire()
    rates.sample()
  }
  t.equal(rates.of(a!).length, 60)
  t.equal(rates.of(a!)[0], 41)
  t.equal(rates.of(a!).at(-1), 100)
  t.same(new Set(rates.of(b!)), new Set([0]))
})

t.test('backends that join and leave', async (t) => {
  const registry = registryOf('a:80 b:80')
  const [a] = registry.backends
  const rates = new BackendRates(registry)
  for (let i = 0; i < 3; i++) rates.sample()
  const added = registry.add(backendConfigs('c:80')[0]!)
  added.acquire()
  rates.sample()
  added.acquire()
  rates.sample()
  t.same(rates.of(added), [1])
  registry.remove(a!)
  rates.sample()
  t.same(rates.of(a!), [])
})
