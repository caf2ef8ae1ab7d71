import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { BackendList, LIST } from '../../../lib/admin/list/backend-list.js'
import type { Configured, StoredList } from '../../../lib/admin/list/orders.js'
import { StateFile } from '../../../lib/admin/list/state-file.js'
import { liveTable, type Snapshot } from '../../../lib/admin/live-table.js'
import { statusTable } from '../../../lib/admin/text-table.js'
import { CellDirectory } from '../../../lib/base/cells/directory.js'
import { SharedCells } from '../../../lib/base/cells/shared-cells.js'
import { Members } from '../../../lib/discovery/members.js'
import { type BackendView, backendView } from '../../../lib/observe/backend-view.js'
import type { Statistics } from '../../../lib/observe/statistics.js'
import { BackendCell } from '../../../lib/pool/cells.js'
import type { RegistryOptions } from '../../../lib/pool/registry-options.js'
import { SpecError } from '../../../lib/pool/spec/json-spec.js'
import { backendConfigs, registryOf } from '../../support/registry.js'

// Backend list

function stage(text: string, options: Partial<RegistryOptions> = {}) {
  const registry = registryOf(text, { createPool: () => ({ destroy: async () => {} }) as never, ...options })
  const members = new Members(registry, LIST)
  members.arrange([LIST, 'dns://app'])
  const backendList = new BackendList(registry, members)
  let changes = 0
  backendList.on('changed', () => changes++)
  const at = (address: string) => registry.backendAt(address)!
  const addresses = () => registry.backends.map(({ address }) => address)
  return { registry, members, backendList, at, addresses, changes: () => changes }
}

/** What `LB_BACKENDS` would say. */
const configured = (text: string): Configured => ({ backends: backendConfigs(text), sources: [] })

t.test('each change gives the list another version, unique among processes', async (t) => {
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

t.test('options change one by one, and null removes one', async (t) => {
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

t.test('a change is made completely or not at all', async (t) => {
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

t.test('a health set by hand holds until it is set to auto', async (t) => {
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

t.test('a replacement keeps the backends of both lists, and ends all orders', async (t) => {
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

t.test('a reload of the configuration keeps orders', async (t) => {
  const { backendList, at, addresses, changes } = stage('a:80 b:80')
  backendList.change(at('a:80'), { draining: true, health: 'healthy' })
  const configs = configured('a:80;weight=4 c:80')
  const told: unknown[] = []
  backendList.on('configured', (list) => told.push(list))
  t.same(backendList.configure(configs), { added: ['c:80'], removed: ['b:80'], reconfigured: ['a:80'] })
  t.same(addresses(), ['a:80', 'c:80'])
  t.match(at('a:80'), { draining: true, forcedHealth: 'healthy', weight: 4 })
  t.same([told, changes()], [[configs], 2])
})

t.test('replaced backends serve until every thread knows new ones that can', async (t) => {
  for (const count of [1, 2]) {
    const cells = new SharedCells({ count, own: 0 }, new CellDirectory())
    const { backendList, registry, addresses } = stage('a:80', { cells })
    registry.tick(1000)
    backendList.replace([{ address: 'b:80' }])
    t.same(addresses(), count === 1 ? ['b:80'] : ['a:80', 'b:80'], `${count} threads`)
    registry.tick(1499)
    t.same(addresses(), count === 1 ? ['b:80'] : ['a:80', 'b:80'], `${count} threads`)
    registry.tick(1500)
    t.same(addresses(), ['b:80'])
    backendList.restore({ backends: [{ address: 'c:80' }], orders: [] })
    t.same(addresses(), ['c:80'], 'what is restored has not served')
  }
})

t.test('replaced backends serve until the new ones can', async (t) => {
  const { registry, backendList, at, addresses } = stage('a:80 b:80', { initialState: 'checking' })
  registry.setState(at('a:80'), 'healthy', 'test')
  backendList.replace([{ address: 'c:80' }, { address: 'd:80' }])
  t.same(addresses(), ['a:80', 'b:80', 'c:80', 'd:80'])
  t.same(
    backendList.stored.backends.map(({ address }) => address),
    ['c:80', 'd:80'],
    'but is of the list no more'
  )
  registry.setState(at('c:80'), 'unhealthy', 'test')
  t.ok(at('a:80').eligible)
  registry.setState(at('d:80'), 'healthy', 'test')
  t.same(addresses(), ['c:80', 'd:80'])
})

t.test('replaced backends leave after a limited time, and stay if they are listed again', async (t) => {
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
  t.match(added, { weight: 3, state: 'healthy' }, 'one that leaves stays')
  backendList.replace([{ address: 'd:80' }])
  registry.tick(5950)
  t.same(addresses(), ['a:80', 'c:80', 'd:80'])
  registry.tick(6000)
  t.same(addresses(), ['d:80'])
})

t.test('a stored list can be restored, orders included', async (t) => {
  const { backendList, at } = stage('a:80;weight=3 b:80;check=/x c:80')
  backendList.change(at('a:80'), { draining: true })
  backendList.change(at('b:80'), { health: 'unhealthy' })
  backendList.add({ address: 'https://d', max: 9 })
  backendList.remove(at('c:80'))
  const { stored } = backendList
  t.same(stored.orders, [])
  t.same(stored.backends, [
    { address: 'a:80', weight: 3, draining: true },
    { address: 'b:80', check: '/x', health: 'unhealthy' },
    { address: 'https://d:443', max: 9 }
  ])
  const other = stage('a:80;weight=3 b:80;check=/x c:80', { initialState: 'checking' })
  other.backendList.restore(JSON.parse(JSON.stringify(stored)))
  t.same(other.backendList.stored, stored)
  t.match(other.at('b:80'), { state: 'unhealthy', reason: 'set by hand' })
  t.throws(() => other.backendList.restore({ backends: [{ address: 'x' }], orders: [] }), SpecError)
  t.same(other.backendList.stored, stored)
})

// State file

const CONFIGURED = configured('a:80;weight=3 b:80')
const STORED: StoredList = {
  backends: [
    { address: 'a:80', weight: 5, draining: true },
    { address: 'https://c:443', health: 'unhealthy' }
  ],
  orders: [{ address: '10.0.0.7:80', weight: 9, health: 'healthy' }]
}
const listOf = (address: string): StoredList => ({ backends: [{ address }], orders: [] })

t.test('a saved list can be read again, in another process too', async (t) => {
  const file = path.join(t.testdir(), 'state')
  const state = new StateFile(file, CONFIGURED)
  t.same(state.read(), { stored: undefined })
  await state.save(STORED)
  t.same(new StateFile(file, CONFIGURED).read(), { stored: STORED })
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.same(readdirSync(path.dirname(file)), ['state'], 'and nothing else is left')
})

t.test('after a reload, the file is saved with the reloaded configuration', async (t) => {
  const file = path.join(t.testdir(), 'state')
  const state = new StateFile(file, CONFIGURED)
  await state.save(STORED)
  const next = configured('a:80 d:80')
  state.configure(next)
  await state.save(STORED)
  t.same(new StateFile(file, CONFIGURED).read(), { outdated: true })
  t.same(new StateFile(file, next).read(), { stored: STORED })
})

t.test('with another LB_BACKENDS the file is outdated', async (t) => {
  const file = path.join(t.testdir(), 'state')
  await new StateFile(file, CONFIGURED).save(STORED)
  for (const text of ['a:80;weight=3', 'b:80 a:80;weight=3', 'a:80;weight=3 b:81', 'a:80 b:80'])
    t.same(new StateFile(file, configured(text)).read(), { outdated: true }, text)
  const same = configured('http://A:80;weight=3,b:80;weight=1')
  t.same(new StateFile(file, same).read(), { stored: STORED }, 'written in another way it is the same')
})

t.test('a broken file is reported with the reason', async (t) => {
  const folder = t.testdir()
  const file = path.join(folder, 'state')
  const before = JSON.stringify([{ address: 'a:80', weight: 3 }, { address: 'b:80' }])
  for (const [text, fault] of [
    ['', /JSON/],
    ['{"configured":', /JSON/],
    ['[]', /Expected "configured"/],
    ['{}', /configured/],
    [`{"configured":${before},"backends":[]}`, /backends/],
    [`{"configured":${before},"backends":[{}]}`, /address/],
    [`{"configured":${before},"backends":[{"address":"a:80","weight":[]}]}`, /weight/],
    [`{"configured":${before},"backends":[{"address":"a:80","health":"auto"}]}`, /health/],
    [`{"configured":${before},"backends":[{"address":"a:80"}],"x":1}`, /x/]
  ] as const) {
    writeFileSync(file, text)
    t.match(new StateFile(file, CONFIGURED).read(), { fault }, text)
  }
  t.match(new StateFile(folder, CONFIGURED).read(), { fault: /EISDIR/ })
})

t.test('changes during a write are one further write, of the latest list', async (t) => {
  const file = path.join(t.testdir(), 'state')
  const state = new StateFile(file, CONFIGURED)
  const saves = Array.from({ length: 50 }, (_, i) => state.save(listOf(`a:${i + 1}`)))
  t.ok(new Set(saves).size <= 2, `${new Set(saves).size} writes`)
  await saves[0]
  await state.saved
  t.same(new StateFile(file, CONFIGURED).read(), { stored: listOf('a:50') })
})

t.test(
  'a write that fails is told, and leaves the file before',
  { skip: process.getuid?.() === 0 && 'root may write anywhere' },
  async (t) => {
    const folder = t.testdir()
    const file = path.join(folder, 'state')
    const state = new StateFile(file, CONFIGURED)
    await state.save(STORED)
    chmodSync(folder, 0o500)
    await t.rejects(state.save(listOf('x:1')), { code: 'EACCES' })
    await t.rejects(state.saved)
    chmodSync(folder, 0o700)
    t.match(readFileSync(file, 'utf8'), /https:\/\/c/)
    await state.save(listOf('y:1'))
    t.same(new StateFile(file, CONFIGURED).read(), { stored: listOf('y:1') })
  }
)

t.test('a write that fails otherwise', async (t) => {
  const folder = t.testdir({ state: {} })
  const state = new StateFile(path.join(folder, 'state'), CONFIGURED)
  await t.rejects(state.save(STORED))
  await t.rejects(state.saved)
  t.same(readdirSync(folder), ['state'])
})

// Tables of the command

const STATISTICS = {
  version: '1.2.3',
  state: 'serving',
  uptimeSeconds: 61.7,
  requests: {
    inFlight: 3,
    queued: 1,
    total: 0,
    failed: 2,
    rejected: { overload: 1, noBackend: 2, queueFull: 4, queueTimeout: 8, outageTimeout: 16, badRequest: 32 }
  },
  connections: { open: 5 },
  latency: { windowSeconds: 60, p50Ms: 1.26, p90Ms: 9.96, p99Ms: 123.4, maxMs: 5000 }
} as unknown as Statistics

const snapshot = (atMs: number, total: number, backends: readonly BackendView[]): Snapshot => ({
  atMs,
  statistics: { ...STATISTICS, requests: { ...STATISTICS.requests, total } },
  backends
})

t.test('numbers are aligned right, and orders are shown', async (t) => {
  const registry = registryOf('a:80;weight=3 long.example:80;max=250;backup c:80')
  registry.setDraining(registry.backends[1]!, true, 'test')
  registry.force(registry.backends[2]!, 'unhealthy', 'set\x1b[2J by hand')
  registry.backends[0]!.acquire()
  t.same(statusTable(registry.backends.map((backend) => backendView(backend, 'default'))).split('\n'), [
    'BACKEND          STATE      WEIGHT  MAX  ACTIVE  TOTAL  FAILED  RETRIES  ORDERS        REASON',
    'a:80             healthy         3  -         1      1       0        0  -             taken for healthy at the start',
    'long.example:80  draining        1  250       0      0       0        0  backup,drain  taken for healthy at the start',
    'c:80             unhealthy       1  -         0      0       0        0  unhealthy     set?[2J by hand'
  ])
})

t.test('rates are those since the snapshot before', async (t) => {
  const registry = registryOf('a:80 b:80')
  const [a] = registry.backends
  const views = () => registry.backends.map((backend) => backendView(backend, 'default'))
  const first = snapshot(1000, 100, views())
  a!.counters.addTotal(BackendCell.total, 50)
  a!.counters.addTotal(BackendCell.failed, 3)
  const second = snapshot(1500, 160, views())
  t.same(liveTable(second, first).split('\n'), [
    'fairlead 1.2.3  serving  61 s up',
    '120 req/s  3 in flight  1 queued  2 failed  31 refused  5 connections',
    'latency of 60 s: p50 1.3 ms  p90 10.0 ms  p99 123 ms  max 5000 ms',
    '',
    'BACKEND  STATE    WEIGHT  ACTIVE  REQ/S  5XX/S  FAIL/S  TOTAL  ORDERS',
    'a:80     healthy       1       0    100      0       6     50  -',
    'b:80     healthy       1       0      0      0       0      0  -'
  ])
  t.match(liveTable(second, undefined), /^0 req\/s/m, 'and none for the first one')
  const restarted = snapshot(2000, 10, views())
  t.match(liveTable(restarted, second), /^0 req\/s/m, 'nor below zero, after a restart')
  registry.remove(a!)
  registry.add(a!.config)
  t.match(
    liveTable(snapshot(2000, 200, views()), second),
    /^a:80 .* 0 +0 +0 +0 +-$/m,
    'a new one of the same address'
  )
})
