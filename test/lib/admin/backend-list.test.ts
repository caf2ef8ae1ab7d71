import t from 'tap'
import { BackendList } from '../../../lib/admin/backend-list.js'
import { BackendCell } from '../../../lib/pool/counters.js'
import type { RegistryOptions } from '../../../lib/pool/registry.js'
import { SpecError } from '../../../lib/pool/spec/json-spec.js'
import { backendConfigs, registryOf } from '../../support/registry.js'

function stage(text: string, options: Partial<RegistryOptions> = {}) {
  const registry = registryOf(text, { createPool: () => ({ destroy: async () => {} }) as never, ...options })
  const backendList = new BackendList(registry)
  let changes = 0
  backendList.on('changed', () => changes++)
  const at = (address: string) => registry.backendAt(address)!
  const addresses = () => registry.backends.map(({ address }) => address)
  return { registry, backendList, at, addresses, changes: () => changes }
}

t.test('each change gives the list another version, one that no other process has', async (t) => {
  const { backendList, at, changes } = stage('a:80 b:80')
  const seen = new Set([backendList.version])
  const steps = [
    () => backendList.add({ address: 'c:80' }),
    () => backendList.change(at('c:80'), { weight: 2 }),
    () => backendList.change(at('c:80'), { draining: true }),
    () => backendList.remove(at('c:80')),
    () => backendList.replace([{ address: 'a:80' }])
  ]
  for (const step of steps) {
    step()
    seen.add(backendList.version)
  }
  t.equal(seen.size, steps.length + 1)
  t.equal(changes(), steps.length)
  t.notOk(seen.has(stage('a:80').backendList.version))
})

t.test('a backend is added once', async (t) => {
  const { backendList, addresses, changes } = stage('a:80')
  t.match(backendList.add({ address: 'B:80', weight: 3 }), { address: 'b:80', weight: 3 })
  t.equal(backendList.add({ address: 'http://b:80' }), undefined)
  t.throws(() => backendList.add({ address: 'c:80', weight: 0 }), SpecError)
  t.same(addresses(), ['a:80', 'b:80'])
  t.equal(changes(), 1)
})

t.test('the last backend stays', async (t) => {
  const { backendList, at, addresses, changes } = stage('a:80 b:80')
  t.ok(backendList.remove(at('a:80')))
  t.notOk(backendList.remove(at('b:80')))
  t.same(addresses(), ['b:80'])
  t.equal(changes(), 1)
})

t.test('options change one by one, and what is null is taken away', async (t) => {
  const { registry, backendList, at } = stage('a:80;weight=3;max=5;check=/x b:80')
  let reconfigured = 0
  registry.on('reconfigured', () => reconfigured++)
  backendList.change(at('a:80'), { weight: 4 })
  t.match(at('a:80').config, { weight: 4, max: 5, checkPath: '/x' })
  backendList.change(at('a:80'), { max: null, check: null, 'check-status': '200+204' })
  t.match(at('a:80').config, { weight: 4, max: 0, checkPath: undefined })
  t.same(at('a:80').config.checkStatus, [
    { from: 200, to: 200 },
    { from: 204, to: 204 }
  ])
  t.equal(reconfigured, 2)
  backendList.change(at('a:80'), { weight: 4, backup: false })
  t.equal(reconfigured, 2, 'the same is no change to who checks it')
  backendList.change(at('a:80'), { address: 'evil:80' } as never)
  t.equal(at('a:80').address, 'a:80')
})

t.test('a change is made whole or not at all', async (t) => {
  const { backendList, at, changes } = stage('a:80 b:80')
  t.throws(
    () => backendList.change(at('a:80'), { weight: 300, draining: true, health: 'unhealthy' }),
    SpecError
  )
  t.match(at('a:80'), { weight: 1, draining: false, state: 'healthy' })
  t.throws(() => backendList.replace([{ address: 'c:80' }, { address: 'd' }]), SpecError)
  t.ok(at('a:80') && at('b:80'))
  t.equal(changes(), 0)
})

t.test('a health set by hand holds until it is left to the checks', async (t) => {
  const { registry, backendList, at } = stage('a:80 b:80')
  backendList.change(at('a:80'), { health: 'unhealthy' })
  registry.setState(at('a:80'), 'healthy', 'test')
  t.match(at('a:80'), { state: 'unhealthy', reason: 'set by hand', eligible: false })
  backendList.change(at('a:80'), { health: 'auto' })
  registry.setState(at('a:80'), 'healthy', 'test')
  t.ok(at('a:80').eligible)
  backendList.change(at('a:80'), { health: 'healthy' })
  registry.reportFailure(at('a:80'), 'LB_X', 'test', true)
  t.ok(at('a:80').eligible)
})

t.test('a list that replaces another leaves alone what is in both, and ends all orders', async (t) => {
  const { registry, backendList, at, addresses } = stage('a:80 b:80;weight=2 c:80')
  const [a, b] = registry.backends
  a!.counters.addTotal(BackendCell.total, 7)
  backendList.change(a!, { draining: true, health: 'unhealthy' })
  const change = backendList.replace([
    { address: 'd:80' },
    { address: 'b:80', weight: 5 },
    { address: 'a:80' },
    { address: 'https://c:80' }
  ])
  t.same(change, { added: ['d:80', 'c:80'], removed: ['c:80'], reconfigured: ['b:80'] })
  t.same(addresses(), ['a:80', 'b:80', 'd:80', 'c:80'])
  t.equal(at('a:80'), a)
  t.equal(at('b:80'), b)
  t.match(a, { draining: false, forcedHealth: undefined })
  t.equal(a!.counters.total(BackendCell.total), 7)
  t.equal(b!.weight, 5)
  t.equal(at('c:80').origin, 'https://c:80')
})

t.test('a configuration that is read again leaves orders as they are', async (t) => {
  const { backendList, at, addresses, changes } = stage('a:80 b:80')
  backendList.change(at('a:80'), { draining: true, health: 'healthy' })
  const configs = backendConfigs('a:80;weight=4 c:80')
  const told: unknown[] = []
  backendList.on('configured', (list) => told.push(list))
  t.same(backendList.configure(configs), { added: ['c:80'], removed: ['b:80'], reconfigured: ['a:80'] })
  t.same(addresses(), ['a:80', 'c:80'])
  t.match(at('a:80'), { draining: true, forcedHealth: 'healthy', weight: 4 })
  t.same([told, changes()], [[configs], 2])
})

t.test('what is replaced serves until what takes its place can', async (t) => {
  const { registry, backendList, at, addresses } = stage('a:80 b:80', { initialState: 'checking' })
  registry.setState(at('a:80'), 'healthy', 'test')
  backendList.replace([{ address: 'c:80' }, { address: 'd:80' }])
  t.same(addresses(), ['a:80', 'b:80', 'c:80', 'd:80'])
  t.same(
    backendList.stored.map(({ address }) => address),
    ['c:80', 'd:80'],
    'but is of the list no more'
  )
  registry.setState(at('c:80'), 'unhealthy', 'test')
  t.ok(at('a:80').eligible)
  registry.setState(at('d:80'), 'healthy', 'test')
  t.same(addresses(), ['c:80', 'd:80'])
})

t.test('but not for ever, and not if it is wanted again', async (t) => {
  const { registry, backendList, at, addresses } = stage('a:80 b:80', { initialState: 'checking' })
  registry.setState(at('a:80'), 'healthy', 'test')
  registry.tick(1000)
  backendList.replace([{ address: 'c:80' }])
  t.notOk(backendList.remove(at('c:80')), 'the last one of the list')
  backendList.replace([{ address: 'a:80' }, { address: 'c:80' }])
  t.same(addresses(), ['a:80', 'c:80'], 'b:80 was of no use')
  backendList.replace([{ address: 'c:80' }])
  t.same(addresses(), ['a:80', 'c:80'])
  const added = backendList.add({ address: 'a:80', weight: 3 })
  t.match(added, { weight: 3, state: 'checking' }, 'one that leaves is no hindrance')
  registry.setState(at('a:80'), 'healthy', 'test')
  backendList.replace([{ address: 'd:80' }])
  registry.tick(5950)
  t.same(addresses(), ['c:80', 'a:80', 'd:80'])
  registry.tick(6000)
  t.same(addresses(), ['d:80'])
})

t.test('what is stored can be restored, orders included', async (t) => {
  const { backendList, at } = stage('a:80;weight=3 b:80;check=/x c:80')
  backendList.change(at('a:80'), { draining: true })
  backendList.change(at('b:80'), { health: 'unhealthy' })
  backendList.add({ address: 'https://d', max: 9 })
  backendList.remove(at('c:80'))
  const { stored } = backendList
  t.same(stored, [
    { address: 'a:80', weight: 3, draining: true },
    { address: 'b:80', check: '/x', health: 'unhealthy' },
    { address: 'https://d:443', max: 9 }
  ])
  const other = stage('a:80;weight=3 b:80;check=/x c:80', { initialState: 'checking' })
  other.backendList.restore(JSON.parse(JSON.stringify(stored)))
  t.same(other.backendList.stored, stored)
  t.match(other.at('b:80'), { state: 'unhealthy', reason: 'set by hand' })
  t.throws(() => other.backendList.restore([{ address: 'x' }]), SpecError)
  t.same(other.backendList.stored, stored)
})
