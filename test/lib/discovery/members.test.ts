import t from 'tap'
import { Members } from '../../../lib/discovery/members.js'
import type { RegistryOptions } from '../../../lib/pool/registry-options.js'
import { backendConfigs, registryOf } from '../../support/registry.js'

const LIST = 'list'

/** A pool with a list, and two sources. */
function stage(list: string, options: Partial<RegistryOptions> = {}) {
  const registry = registryOf(list, { createPool: () => ({ destroy: async () => {} }) as never, ...options })
  const members = new Members(registry, LIST)
  members.arrange([LIST, 'dns', 'etcd'])
  const tell = (source: string, text: string) => members.update(source, membersOf(text))
  const shown = () => registry.backends.map(({ address, weight }) => `${address};${weight}`)
  return { registry, members, tell, shown, at: (address: string) => registry.backendAt(address)! }
}

const membersOf = (text: string) => (text === '' ? [] : backendConfigs(text)).map((config) => ({ config }))
const NOTHING = { added: [], removed: [], reconfigured: [] }

t.test('a pool has the members of all its sources, each of which replaces only its own', async (t) => {
  const { registry, tell, shown, members } = stage('a:80')
  t.same(tell('dns', 'b:80 c:80'), { ...NOTHING, added: ['b:80', 'c:80'] })
  tell('etcd', 'd:80;weight=4')
  t.same(shown(), ['a:80;1', 'b:80;1', 'c:80;1', 'd:80;4'])
  t.same(tell('dns', 'c:80;weight=2'), { ...NOTHING, removed: ['b:80'], reconfigured: ['c:80'] })
  t.same(shown(), ['a:80;1', 'c:80;2', 'd:80;4'])
  t.same(tell('dns', 'c:80;weight=2'), NOTHING)
  t.same(
    registry.backends.map(({ source }) => source),
    [LIST, 'dns', 'etcd']
  )
  t.same(tell('elsewhere', 'x:80'), NOTHING, 'who is no source says nothing')
  t.same(
    ['a:80', 'c:80', 'd:80', 'b:80'].map((address) => members.sourceOf(address)),
    [LIST, 'dns', 'etcd', undefined]
  )
  members.arrange([LIST, 'etcd'])
  t.same(shown(), ['a:80;1', 'd:80;4'])
})

t.test('of an address that several sources tell of, the first decides', async (t) => {
  const { tell, shown, at } = stage('a:80;weight=7')
  const a = at('a:80')
  tell('etcd', 'a:80;weight=3 b:80;weight=3')
  tell('dns', 'a:80;weight=2 b:80;weight=2')
  t.same(shown(), ['a:80;7', 'b:80;2'])
  tell('dns', '')
  t.same(shown(), ['a:80;7', 'b:80;3'])
  tell(LIST, 'c:80')
  t.same(shown(), ['a:80;3', 'b:80;3', 'c:80;1'])
  t.equal(at('a:80'), a, 'it is the same backend all the while')
})

t.test('what an operator has said stays, whatever a source tells', async (t) => {
  const { tell, members, at } = stage('a:80')
  members.override('b:80', { weight: 9, isDraining: true, health: 'healthy' })
  tell('dns', 'b:80;max=5')
  t.match(at('b:80'), { weight: 9, config: { max: 5 }, draining: true, forcedHealth: 'healthy' })
  tell('dns', '')
  tell('dns', 'b:80;weight=2')
  t.match(at('b:80'), { weight: 9, draining: true, forcedHealth: 'healthy' })
  members.override('b:80', {})
  t.match(at('b:80'), { weight: 2, draining: false, forcedHealth: undefined })
  t.equal(members.overrides.size, 0)
})

t.test('a source drains a member, and ends that', async (t) => {
  const { members, at } = stage('a:80')
  const [config] = backendConfigs('b:80')
  members.update('dns', [{ config: config!, isDraining: true }])
  t.ok(at('b:80').draining)
  members.override('b:80', { isDraining: true })
  members.update('dns', [{ config: config! }])
  t.ok(at('b:80').draining, 'an operator drains it too')
  members.override('b:80', {})
  t.notOk(at('b:80').draining)
})

t.test('members that leave serve until others can', async (t) => {
  const { registry, tell, members, shown, at } = stage('a:80', { initialState: 'checking' })
  tell('dns', 'b:80')
  tell(LIST, '')
  registry.setState(at('b:80'), 'healthy', 'test')
  const b = at('b:80')
  tell('dns', 'c:80')
  t.same(shown(), ['b:80;1', 'c:80;1'])
  t.ok(members.isLeaving(b))
  tell('etcd', 'b:80;weight=2')
  t.notOk(members.isLeaving(b), 'another source tells of it')
  tell('etcd', '')
  registry.setState(at('c:80'), 'healthy', 'test')
  t.same(shown(), ['c:80;1'])
  t.same(tell('dns', 'https://c:80').added, ['c:80'])
  t.match(
    registry.backends,
    [{ origin: 'https://c:80', state: 'checking' }],
    'another protocol is another backend'
  )
})

t.test('a pool with other settings goes on with the members it has', async (t) => {
  const first = stage('a:80')
  first.tell('dns', 'b:80;weight=3')
  first.members.override('b:80', { isDraining: true })
  const registry = registryOf(
    'a:80 b:80;weight=3',
    { createPool: () => ({ destroy: async () => {} }) as never },
    first.registry
  )
  const members = new Members(registry, LIST, first.members)
  t.equal(members.sourceOf('b:80'), 'dns')
  t.ok(members.overrides.get('b:80')?.isDraining)
  members.update('dns', membersOf('c:80'))
  t.same(
    registry.backends.map(({ address }) => address),
    ['a:80', 'c:80']
  )
})
