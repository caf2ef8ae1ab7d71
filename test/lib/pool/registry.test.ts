import t from 'tap'
import { BackendCell } from '../../../lib/pool/counters.js'
import type { Registry } from '../../../lib/pool/registry.js'
import type { BackendFailure, StateChange } from '../../../lib/pool/registry-events.js'
import type { BackendPool } from '../../../lib/transport/backend-connections.js'
import { registryOf } from '../../support/registry.js'

function heard(registry: Registry): { states: StateChange[]; failures: BackendFailure[] } {
  const events = { states: [] as StateChange[], failures: [] as BackendFailure[] }
  registry.on('state', (change) => events.states.push(change))
  registry.on('failure', (failure) => events.failures.push(failure))
  return events
}

const START = new Date('2026-01-01T00:00:00Z')
const LATER = new Date('2026-01-01T00:01:00Z')

t.test('backends are in the order of the configuration, as configured', async (t) => {
  const { backends } = registryOf('b:81;weight=3 https://[::1] a:80', { now: () => START })
  t.hasStrict(backends, [
    { id: 0, address: 'b:81', origin: 'http://b:81', weight: 3, active: 0, since: START },
    { id: 1, address: '[::1]:443', origin: 'https://[::1]:443', weight: 1, active: 0 },
    { id: 2, address: 'a:80', origin: 'http://a:80', weight: 1, active: 0 }
  ])
})

t.test('backends start in the state that is asked for', async (t) => {
  const checking = registryOf('a:80 b:80', { initialState: 'checking' })
  t.same(
    checking.backends.map(({ state, eligible }) => [state, eligible]),
    [
      ['checking', false],
      ['checking', false]
    ]
  )
  t.equal(checking.eligibleCount, 0)
  const healthy = registryOf('a:80 b:80', { initialState: 'healthy' })
  t.ok(healthy.backends[0]!.eligible)
  t.equal(healthy.eligibleCount, 2)
})

t.test('a slot is counted once taken and once given back', async (t) => {
  const [a, b] = registryOf('a:80 b:80').backends
  a!.acquire()
  a!.acquire()
  a!.release()
  t.equal(a!.active, 1)
  t.equal(a!.counters.total(BackendCell.total), 2)
  t.equal(b!.active, 0)
})

t.test('a change of state is told, with reason and time', async (t) => {
  let now = START
  const registry = registryOf('a:80 b:80', { now: () => now })
  const { states } = heard(registry)
  const backend = registry.backends[1]!
  now = LATER
  registry.setState(backend, 'unhealthy', 'check failed: status 500')
  t.hasStrict(backend, {
    state: 'unhealthy',
    eligible: false,
    since: LATER,
    reason: 'check failed: status 500'
  })
  t.hasStrict(registry.backends[0], { state: 'healthy', since: START })
  t.same(states, [{ backend, from: 'healthy', to: 'unhealthy', reason: 'check failed: status 500' }])
})

t.test('the same state again is no change', async (t) => {
  let now = START
  const registry = registryOf('a:80', { now: () => now })
  const { states } = heard(registry)
  const [backend] = registry.backends
  const { reason } = backend!
  now = LATER
  registry.setState(backend!, 'healthy', 'again')
  t.same(states, [])
  t.hasStrict(backend, { since: START, reason })
})

t.test('a backend that cannot be reached is taken out at once', async (t) => {
  const registry = registryOf('a:80 b:80', { now: () => LATER })
  const { states, failures } = heard(registry)
  const [a] = registry.backends
  a!.counters.set(BackendCell.consecutiveSuccesses, 50)
  registry.reportFailure(a!, 'LB_BACKEND_UNREACHABLE', 'connection refused', true)
  t.hasStrict(a, { state: 'unhealthy', reason: 'connection refused', since: LATER })
  t.equal(a!.counters.get(BackendCell.consecutiveSuccesses), 0, 'it has to pass its checks anew')
  t.equal(a!.counters.total(BackendCell.failed), 1)
  t.same(failures, [{ backend: a, code: 'LB_BACKEND_UNREACHABLE', detail: 'connection refused' }])
  t.hasStrict(states, [{ backend: a, from: 'healthy', to: 'unhealthy', reason: 'connection refused' }])
})

t.test('but never the last eligible one', async (t) => {
  const registry = registryOf('a:80 b:80 c:80')
  const { states, failures } = heard(registry)
  for (const backend of registry.backends) registry.reportFailure(backend, 'LB_X', 'connection refused', true)
  t.same(
    registry.backends.map(({ state }) => state),
    ['unhealthy', 'unhealthy', 'healthy']
  )
  t.equal(states.length, 2)
  t.equal(failures.length, 3, 'all failures are told')
  registry.setState(registry.backends[0]!, 'healthy', 'test')
  registry.reportFailure(registry.backends[2]!, 'LB_X', 'connection refused', true)
  t.equal(registry.backends[2]!.state, 'unhealthy', 'once it is no longer the last')
})

t.test('other failures are counted and told, and change no state', async (t) => {
  const registry = registryOf('a:80 b:80')
  const { states, failures } = heard(registry)
  for (let i = 0; i < 100; i++)
    registry.reportFailure(registry.backends[0]!, 'LB_CONNECTION_LOST', 'connection reset', false)
  t.equal(registry.backends[0]!.state, 'healthy')
  t.equal(registry.backends[0]!.counters.total(BackendCell.failed), 100)
  t.equal(failures.length, 100)
  t.same(states, [])
})

t.test('a backend that is out or not checked yet stays as it is when it cannot be reached', async (t) => {
  const registry = registryOf('a:80 b:80 c:80')
  const [a, b] = registry.backends
  registry.setState(a!, 'unhealthy', 'check failed')
  registry.setState(b!, 'checking', 'test')
  const { states } = heard(registry)
  registry.reportFailure(a!, 'LB_X', 'connection refused', true)
  registry.reportFailure(b!, 'LB_X', 'connection refused', true)
  t.same(states, [])
  t.equal(a!.reason, 'check failed')
})

t.test('draining is told to all who ask, for good', async (t) => {
  const registry = registryOf('a:80')
  t.equal(registry.draining, false)
  registry.startDraining()
  registry.startDraining()
  t.equal(registry.draining, true)
  t.equal(registry.inFlight, 0)
})

t.test('close destroys every pool', async (t) => {
  const destroyed: string[] = []
  const registry = registryOf('a:80 b:80', {
    createPool: ({ address }) =>
      ({ destroy: async () => void destroyed.push(address) }) as unknown as BackendPool
  })
  await registry.close()
  t.same(destroyed, ['a:80', 'b:80'])
})
