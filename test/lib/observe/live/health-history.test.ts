import t from 'tap'
import { HealthHistory } from '../../../../lib/observe/live/health-history.js'
import { backendConfigs, registryOf } from '../../../support/registry.js'

function historyOf(text: string) {
  const clock = { ms: 5000 }
  const registry = registryOf(text, { initialState: 'checking', now: () => new Date(1000) })
  const history = new HealthHistory(registry, () => clock.ms)
  return { clock, registry, history, backend: registry.backends[0]! }
}

t.test('it begins with what a backend is', async (t) => {
  const { history, registry } = historyOf('a:80 b:80')
  for (const backend of registry.backends)
    t.same(history.of(backend), [{ at: 1000, to: 'checking', reason: 'not checked yet' }])
  t.equal(history.count, 0)
})

t.test('each change follows, with its time and reason', async (t) => {
  const { clock, history, registry, backend } = historyOf('a:80 b:80')
  registry.setState(backend, 'healthy', 'check passed')
  clock.ms = 6000
  registry.setEjected(backend, true, '5 errors in a row')
  clock.ms = 7000
  registry.setEjected(backend, false, 'its time is over')
  clock.ms = 8000
  registry.setDraining(backend, true, 'set by hand')
  t.same(history.of(backend).slice(1), [
    { at: 5000, to: 'healthy', reason: 'check passed' },
    { at: 6000, to: 'ejected', reason: '5 errors in a row' },
    { at: 7000, to: 'healthy', reason: 'back from its ejection: its time is over' },
    { at: 8000, to: 'draining', reason: 'set by hand' }
  ])
  t.equal(history.of(registry.backends[1]!).length, 1, 'and not in that of another')
  t.equal(history.count, 4)
})

t.test('what does not change how it stands is none', async (t) => {
  const { history, registry, backend } = historyOf('a:80')
  registry.setDraining(backend, true, 'set by hand')
  registry.setState(backend, 'unhealthy', 'connection refused')
  t.match(history.of(backend), [{ to: 'checking' }, { to: 'draining' }])
  registry.setDraining(backend, false, 'set by hand')
  t.match(history.of(backend).slice(2), [{ to: 'unhealthy', reason: 'drain ended: set by hand' }])
  t.equal(history.of(backend).length, 3)
})

t.test('twenty changes are kept of each', async (t) => {
  const { history, registry, backend } = historyOf('a:80')
  for (let i = 0; i < 50; i++) registry.setState(backend, i % 2 ? 'healthy' : 'unhealthy', `${i}`)
  t.equal(history.of(backend).length, 20)
  t.equal(history.of(backend)[0]!.reason, '30')
  t.equal(history.of(backend).at(-1)!.reason, '49')
  t.equal(history.count, 50)
})

t.test('who joins begins one, who leaves takes it along', async (t) => {
  const { history, registry, backend } = historyOf('a:80')
  const added = registry.add(backendConfigs('c:80')[0]!)
  t.match(history.of(added), [{ to: 'checking' }])
  t.equal(history.count, 1, 'those who listen are told')
  registry.remove(backend)
  t.same(history.of(backend), [])
})
