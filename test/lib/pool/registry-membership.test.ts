import t from 'tap'
import { BackendCell } from '../../../lib/pool/counters.js'
import { backendConfigs, registryOf } from '../../support/registry.js'

const configOf = (text: string) => backendConfigs(text)[0]!
const addresses = (registry: ReturnType<typeof registryOf>) => registry.backends.map(({ address }) => address)

t.test('a backend that joins is numbered after all that were there, in its initial state', async (t) => {
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

t.test('a backend that leaves is given nothing, and is let go when its last request is done', async (t) => {
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

t.test('what is said of a backend can change, and its state and counters stay', async (t) => {
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

t.test('with panic, the last healthy one that leaves lets the unhealthy ones in', async (t) => {
  const registry = registryOf('a:80 b:80', { panic: true })
  const [unhealthy, last] = registry.backends
  registry.setState(unhealthy!, 'unhealthy', 'test')
  t.notOk(unhealthy!.eligible)
  registry.remove(last!)
  t.ok(unhealthy!.eligible)
  t.ok(registry.panicking)
})
