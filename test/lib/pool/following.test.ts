import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { CellDirectory } from '../../../lib/base/cells/directory.js'
import { SharedCells } from '../../../lib/base/cells/shared-cells.js'
import { applyFailure } from '../../../lib/pool/backend-failure.js'
import { BackendCell } from '../../../lib/pool/cells.js'
import { followBackends, followChange } from '../../../lib/pool/follow-backends.js'
import { Registry } from '../../../lib/pool/registry.js'
import { announceBackends } from '../../../lib/threads/announce-backends.js'
import type { OwnerMessage } from '../../../lib/threads/messages.js'
import type { BackendPool } from '../../../lib/transport/backend-connections.js'
import { backendConfigs } from '../../support/registry.js'

const noConnections = () => ({ close: async () => {}, destroy: async () => {} }) as unknown as BackendPool

/** The registry of the thread that decides, and one of another thread that follows it. */
function twoThreads(list: string, slowStartMs = 0) {
  const directory = new CellDirectory()
  const followed = new CellDirectory(directory.all)
  directory.onChange = (change) => followed.follow(change)
  const failures: unknown[][] = []
  const options = (own: number) => ({
    createPool: noConnections,
    initialState: 'checking' as const,
    slowStartMs,
    cells: new SharedCells({ count: 2, own }, own === 0 ? directory : followed)
  })
  const configs = backendConfigs(list)
  const owner = new Registry(configs, options(0))
  const following = {
    ids: owner.backends.map(({ id }) => id),
    reportFailure: (...failure: unknown[]) => void failures.push(failure)
  }
  const follower = new Registry(configs, { ...options(1), following })
  return { owner, follower, failures }
}

const shown = ({ backends }: Registry) =>
  backends.map(({ id, address, state, status, eligible, effectiveWeight }) => ({
    id,
    address,
    state,
    status,
    eligible,
    effectiveWeight
  }))

t.test('what the owner decides holds in the other thread at once', async (t) => {
  const { owner, follower } = twoThreads('a:80;weight=3 b:80', 1000)
  const [a, b] = owner.backends
  t.same(shown(follower), shown(owner))
  owner.setState(a!, 'healthy', 'a check passed')
  owner.setState(b!, 'healthy', 'a check passed')
  t.same(shown(follower), shown(owner))
  t.equal(follower.eligibleCount, 2)
  owner.setEjected(a!, true, 'errors')
  t.equal(follower.backends[0]!.status, 'ejected')
  owner.setDraining(b!, true, 'by hand')
  t.equal(follower.backends[1]!.status, 'draining')
  t.equal(follower.eligibleCount, 0)
  owner.tick(10)
  owner.setEjected(a!, false, 'its time is over')
  owner.tick(20)
  t.equal(follower.backends[0]!.effectiveWeight, 30, 'a slow start')
  owner.startDraining()
  t.ok(follower.draining)
})

t.test('the other thread decides nothing, whatever happens there', async (t) => {
  const { owner, follower, failures } = twoThreads('a:80;weight=3 b:80', 1000)
  for (const backend of owner.backends) owner.setState(backend, 'healthy', 'a check passed')
  const before = shown(owner)
  const [a] = follower.backends
  follower.setState(a!, 'unhealthy', 'x')
  follower.setEjected(a!, true, 'x')
  follower.reportFailure(a!, 'LB_BACKEND_REFUSED', 'connection refused', true)
  follower.tick(5000)
  t.same(shown(owner), before)
  t.same(failures, [[0, 'LB_BACKEND_REFUSED', 'connection refused', true]])
})

t.test('a failure that another thread tells counts once, and takes the backend out', async (t) => {
  const { owner, follower, failures } = twoThreads('a:80 b:80')
  for (const backend of owner.backends) owner.setState(backend, 'healthy', 'a check passed')
  follower.reportFailure(follower.backends[0]!, 'LB_BACKEND_REFUSED', 'connection refused', true)
  const [[id, code, detail, unreachable]] = failures as [[number, string, string, boolean]]
  applyFailure(owner, owner.backendWithId(id)!, code, detail, unreachable)
  t.equal(owner.backends[0]!.counters.total(BackendCell.failed), 1)
  t.same(
    follower.backends.map(({ state }) => state),
    ['unhealthy', 'healthy']
  )
})

t.test(
  'backends that come, go and change do so in the other thread too, and keep their counts',
  async (t) => {
    const { owner, follower } = twoThreads('a:80 b:80')
    const [a, b] = owner.backends
    owner.setState(b!, 'healthy', 'a check passed')
    t.ok(follower.backends[1]!.acquire())
    owner.remove(a!)
    const [c] = backendConfigs('c:80;weight=7')
    owner.add(c!)
    const [changed] = backendConfigs('b:80;weight=5;max=1')
    owner.reconfigure(b!, changed!)
    const events: string[] = []
    for (const name of ['added', 'removed', 'reconfigured'] as const)
      follower.on(name, ({ address }) => events.push(`${name} ${address}`))
    const list = owner.backends.map(({ id, config }) => ({ id, config }))
    followBackends(follower, list)
    t.same(events, ['reconfigured b:80', 'removed a:80', 'added c:80'])
    t.same(shown(follower), shown(owner))
    t.equal(b!.active, 1)
    t.notOk(b!.acquire(), 'the only slot is taken in the other thread')
    followBackends(follower, list)
    t.equal(events.length, 3)
  }
)

t.test('another thread is told what has changed, once for changes that are made at once', async (t) => {
  const { owner, follower } = twoThreads('a:80 b:80')
  const told: OwnerMessage[] = []
  announceBackends(owner, 'pool', (message) => told.push(message))
  const [c, d] = owner.update(backendConfigs('c:80 d:80;weight=2'), [owner.backendAt('a:80')!])
  owner.remove(c!)
  owner.reconfigure(d!, backendConfigs('d:80;weight=3')[0]!)
  t.same(told, [])
  await setImmediate()
  t.equal(told.length, 1)
  const [message] = told
  if (message?.kind !== 'backends') return t.fail('it tells of backends')
  t.same(
    message.change.present.map(({ config }) => [config.address, config.weight]),
    [['d:80', 3]]
  )
  t.equal(message.change.gone.length, 2)
  let changes = 0
  follower.on('members', () => changes++)
  followChange(follower, message.change)
  t.same(shown(follower), shown(owner))
  followChange(follower, message.change)
  t.equal(changes, 1, 'what it knows changes nothing')
})
