import t from 'tap'
import { HealthTransitions } from '../../../../lib/observe/metrics/health-transitions.js'
import { registryOf } from '../../../support/registry.js'

t.test('each change of a state is counted for its backend, by the state that it has come into', async (t) => {
  const registry = registryOf('a:80 b:80', { initialState: 'checking' })
  const transitions = new HealthTransitions(registry)
  const [a, b] = registry.backends as [(typeof registry.backends)[0], (typeof registry.backends)[0]]
  const counts = () =>
    [a, b].map((backend) => [transitions.count(backend, 'healthy'), transitions.count(backend, 'unhealthy')])
  t.same(counts(), [
    [0, 0],
    [0, 0]
  ])
  registry.setState(a, 'healthy', 'test')
  registry.setState(b, 'unhealthy', 'test')
  registry.setState(b, 'unhealthy', 'the same again')
  registry.setState(b, 'healthy', 'test')
  registry.setState(b, 'unhealthy', 'test')
  t.same(counts(), [
    [1, 0],
    [1, 2]
  ])
})

t.test('what keeps a healthy backend out is none', async (t) => {
  const registry = registryOf('a:80')
  const transitions = new HealthTransitions(registry)
  const backend = registry.backends[0]!
  registry.setEjected(backend, true, 'test')
  registry.setEjected(backend, false, 'test')
  registry.setDraining(backend, true, 'test')
  for (const to of ['checking', 'healthy', 'unhealthy'] as const)
    t.equal(transitions.count(backend, to), 0, to)
})
