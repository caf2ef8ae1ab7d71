import t from 'tap'
import { BackendCell } from '../../../lib/pool/cells.js'
import type { Registry } from '../../../lib/pool/registry.js'
import type { BackendFailure, StateChange } from '../../../lib/pool/registry-events.js'
import type { BackendPool } from '../../../lib/transport/backend-connections.js'
import { backendConfigs, registryOf } from '../../support/registry.js'

// Registry

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

t.test('backends start in the configured state', async (t) => {
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

t.test('a request in flight is counted once, and its end once', async (t) => {
  const [a, b] = registryOf('a:80 b:80').backends
  a!.acquire()
  a!.acquire()
  a!.release()
  t.equal(a!.active, 1)
  t.equal(a!.counters.total(BackendCell.total), 2)
  t.equal(b!.active, 0)
})

t.test('a change of state is emitted, with reason and time', async (t) => {
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

t.test('a backend that cannot be reached is unhealthy at once', async (t) => {
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

t.test('other failures are counted and emitted, and change no state', async (t) => {
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

t.test('draining is permanent', async (t) => {
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

// Membership

const configOf = (text: string) => backendConfigs(text)[0]!
const addresses = (registry: ReturnType<typeof registryOf>) => registry.backends.map(({ address }) => address)

t.test('an added backend has the next id, and the initial state', async (t) => {
  const registry = registryOf('a:80 b:80', { initialState: 'checking' })
  const told: string[] = []
  registry.on('added', ({ address }) => told.push(address))
  const before = registry.backends
  registry.remove(registry.backends[1]!)
  const added = registry.add(configOf('c:80;weight=3;max=7'))
  t.match(added, {
    id: 2,
    address: 'c:80',
    state: 'checking',
    eligible: false,
    weight: 3,
    effectiveWeight: 300
  })
  t.same(addresses(registry), ['a:80', 'c:80'])
  t.same(
    before.map(({ address }) => address),
    ['a:80', 'b:80'],
    'who holds the list from before can go on with it'
  )
  t.same(told, ['c:80'])
  registry.setState(added, 'healthy', 'test')
  t.ok(added.eligible)
  t.equal(added.effectiveWeight, 300, 'new, it does not start slowly')
  t.throws(() => registry.add(configOf('c:80')), /already/)
  added.acquire()
  t.equal(registry.backends[0]!.active, 0, 'its counters are its own')
})

t.test(
  'a backend that is connected to in another way gets other connections, once those it has are done',
  async (t) => {
    const pools: { config: string; closed: () => void; destroyed: boolean }[] = []
    const registry = registryOf('https://a', {
      createPool: ({ tlsName, tlsNoVerify, h2, proxyProtocol }) => {
        const pool = {
          config: `${tlsName} ${tlsNoVerify} ${h2} ${proxyProtocol}`,
          closed: () => {},
          destroyed: false
        }
        pools.push(pool)
        const close = () =>
          new Promise<void>((resolve) => {
            pool.closed = resolve
          })
        const destroy = async () => {
          pool.destroyed = true
        }
        return { dispatch: () => {}, close, destroy }
      }
    })
    const [backend] = registry.backends
    const pool = backend!.pool
    for (const options of [';weight=3', ';tls-no-verify=false;h2=false'])
      registry.reconfigure(backend!, configOf(`https://a${options}`))
    t.equal(backend!.pool, pool, 'what changes nothing about them leaves them alone')
    for (const options of [
      ';tls-name=b',
      ';tls-name=c',
      ';tls-name=c;tls-no-verify',
      ';h2',
      ';proxy=v1',
      ';proxy=v2',
      ''
    ])
      registry.reconfigure(backend!, configOf(`https://a${options}`))
    t.same(
      pools.map(({ config }) => config),
      [
        'undefined undefined undefined undefined',
        'b undefined undefined undefined',
        'c undefined undefined undefined',
        'c true undefined undefined',
        'undefined undefined true undefined',
        'undefined undefined undefined 1',
        'undefined undefined undefined 2',
        'undefined undefined undefined undefined'
      ]
    )
    t.not(backend!.pool, pool)
    pools[0]!.closed()
    await new Promise((resolve) => setImmediate(resolve))
    await registry.close()
    t.same(
      pools.map(({ destroyed }) => destroyed),
      [false, true, true, true, true, true, true, true],
      'those that have not closed by then are closed at the end'
    )
  }
)

t.test('a removed backend gets no requests, and its connections close after its last one', async (t) => {
  let destroyed = 0
  const registry = registryOf('a:80 b:80', {
    createPool: () => ({
      dispatch: () => {},
      close: async () => {},
      destroy: async () => {
        destroyed++
      }
    })
  })
  const [, leaving] = registry.backends
  leaving!.acquire()
  registry.remove(leaving!)
  registry.remove(leaving!)
  t.notOk(leaving!.eligible)
  registry.tick(50)
  t.equal(destroyed, 0)
  // Whatever is still told of it changes nothing.
  registry.setState(leaving!, 'unhealthy', 'test')
  registry.setEjected(leaving!, true, 'test')
  registry.setDraining(leaving!, true, 'test')
  registry.reportFailure(leaving!, 'LB_X', 'test', true)
  t.match(leaving, { state: 'healthy', ejected: false, draining: false, eligible: false })
  leaving!.release()
  registry.tick(100)
  registry.tick(150)
  t.equal(destroyed, 1)
  await registry.close()
  t.equal(destroyed, 2, 'and the other one at the end')
})

t.test('a backend can be reconfigured, and keeps its state and counters', async (t) => {
  const registry = registryOf('a:80 b:80', { slowStartMs: 1000 })
  const [backend, other] = registry.backends
  registry.setState(backend!, 'unhealthy', 'test')
  backend!.counters.addTotal(BackendCell.total, 5)
  registry.reconfigure(backend!, configOf('a:80;weight=5;max=2;backup'))
  t.match(backend, { state: 'unhealthy', weight: 5, effectiveWeight: 500, config: { backup: true } })
  t.equal(backend!.counters.total(BackendCell.total), 5)
  registry.setState(backend!, 'healthy', 'test')
  t.equal(backend!.effectiveWeight, 50, 'it starts slowly')
  registry.reconfigure(backend!, configOf('a:80;weight=10'))
  t.equal(backend!.effectiveWeight, 50, 'and goes on so')
  registry.tick(500)
  t.equal(backend!.effectiveWeight, 500, 'towards the new weight')
  t.equal(other!.effectiveWeight, 100)
})

t.test('removing the last healthy backend starts the panic mode', async (t) => {
  const registry = registryOf('a:80 b:80', { panic: true })
  const [unhealthy, last] = registry.backends
  registry.setState(unhealthy!, 'unhealthy', 'test')
  t.notOk(unhealthy!.eligible)
  registry.remove(last!)
  t.ok(unhealthy!.eligible)
  t.ok(registry.panicking)
})

// Rotation

t.test('a backend that is eligible again starts slowly', async (t) => {
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

t.test('a drained backend gets no requests, whatever its checks say', async (t) => {
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
