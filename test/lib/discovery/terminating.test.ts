import t from 'tap'
import { roundRobinPolicy } from '../../../lib/balancing/round-robin.js'
import { Selector } from '../../../lib/balancing/selector.js'
import { Sessions, stickyPolicy } from '../../../lib/balancing/sticky.js'
import { Members } from '../../../lib/discovery/members.js'
import { backendView } from '../../../lib/observe/backend-view.js'
import { HealthHistory } from '../../../lib/observe/live/health-history.js'
import { followBackends } from '../../../lib/pool/follow-backends.js'
import { backendConfigs, registryOf } from '../../support/registry.js'
import { requestWith, STICKY } from '../../support/selection.js'

const SOURCE = 'k8s'
const withConnections = { createPool: () => ({ destroy: async () => {} }) as never }

/** A pool whose members a source tells of: a name with `!` is about to end. */
function stage(first: string) {
  const registry = registryOf('x:80', withConnections)
  const members = new Members(registry, 'list')
  members.arrange([SOURCE])
  const tell = (text: string) => {
    const told = text.split(' ').map((entry) => {
      const [config] = backendConfigs(entry.replace('!', ''))
      return { config: config!, isTerminating: entry.includes('!') }
    })
    return members.update(SOURCE, told, true)
  }
  tell(first)
  const { backends } = registry
  const sessions = new Sessions(backends, STICKY)
  const policy = stickyPolicy(sessions, roundRobinPolicy())
  const selector = new Selector(backends, policy)
  const follow = () => {
    selector.setBackends(registry.backends)
    sessions.setBackends(registry.backends)
  }
  registry.on('members', follow).on('reconfigured', follow)
  const at = (address: string) => registry.backendAt(address)!
  const chosen = (request = requestWith(), tried: string[] = []) =>
    selector.select(request, tried.map(at))?.address
  const session = (address: string) => {
    const [, cookie] = /^Set-Cookie: ([^;]+)/.exec(sessions.setCookieLine(requestWith(), at(address), false))!
    return requestWith({ cookie })
  }
  return { registry, members, tell, at, chosen, session, selector }
}

/** Whom requests without a session go to. */
const picks = (chosen: () => string | undefined) => new Set(Array.from({ length: 6 }, () => chosen()))

t.test('one that is about to end keeps its sessions, and gets nothing else', async (t) => {
  const { tell, chosen, session, at } = stage('a:80 b:80 c:80')
  const ofA = session('a:80')
  t.same(tell('a:80! b:80 c:80').reconfigured, ['a:80'])
  t.same(picks(chosen), new Set(['b:80', 'c:80']))
  for (let i = 0; i < 3; i++) t.equal(chosen(ofA), 'a:80')
  t.equal(chosen(ofA, ['a:80']) === 'a:80', false, 'a retry goes elsewhere')
  t.equal(at('a:80').status, 'terminating')
  tell('b:80 c:80')
  t.not(chosen(ofA), 'a:80')
  tell('a:80 b:80 c:80')
  t.same(picks(chosen), new Set(['a:80', 'b:80', 'c:80']))
})

t.test('it is the last resort, after the backups, for sessions that begin as well', async (t) => {
  const { registry, chosen, selector, session } = stage('a:80! b:80 c:80;backup')
  t.same(picks(chosen), new Set(['b:80']))
  registry.setState(registry.backendAt('b:80')!, 'unhealthy', 'test')
  t.same(picks(chosen), new Set(['c:80']))
  t.equal(chosen(requestWith(), ['c:80']), 'a:80', 'where all others have failed for this request')
  registry.setState(registry.backendAt('c:80')!, 'unhealthy', 'test')
  t.same(picks(chosen), new Set(['a:80']))
  t.equal(chosen(session('a:80')), 'a:80')
  t.ok(selector.canWait())
  registry.setState(registry.backendAt('a:80')!, 'unhealthy', 'test')
  t.equal(chosen(), undefined)
  t.notOk(selector.canWait())
})

t.test('others that are full are waited for, and a session for its own backend', async (t) => {
  const { chosen, session, at } = stage('a:80!;max=1 b:80;max=1')
  at('b:80').acquire()
  t.equal(chosen(), undefined)
  at('a:80').acquire()
  at('b:80').release()
  t.equal(chosen(session('a:80')), undefined)
})

t.test('a backup keeps its sessions while all others are about to end', async (t) => {
  const { chosen, session } = stage('a:80! b:80;backup')
  t.equal(chosen(session('b:80')), 'b:80')
})

t.test('it is shown, told and kept: in statistics, history and other threads', async (t) => {
  const { registry, members, tell, at } = stage('a:80;weight=3 b:80')
  const history = new HealthHistory(registry)
  const told: string[] = []
  registry.on('rotation', ({ backend, kind, reason }) => told.push(`${backend.address} ${kind}: ${reason}`))
  const follower = registryOf('a:80;weight=3 b:80', {
    ...withConnections,
    following: { ids: registry.backends.map(({ id }) => id), reportFailure: () => {} }
  })
  tell('a:80!;weight=3 b:80')
  const view = backendView(at('a:80'), '')
  t.match(view, { state: 'terminating', options: { weight: 3 }, orders: { draining: false } })
  t.same(Object.keys(view.options), ['weight'], 'it is no option that somebody could write')
  t.match(history.of(at('a:80')).at(-1), { to: 'terminating', reason: 'its source says so' })
  followBackends(
    follower,
    registry.backends.map(({ id, config }) => ({ id, config: structuredClone(config) }))
  )
  t.ok(follower.backendAt('a:80')?.isTerminating)
  members.override('a:80', { weight: 9 })
  t.match(at('a:80'), { weight: 9, isTerminating: true }, 'an operator changes the rest')
  members.override('a:80', { weight: 9, isDraining: true })
  t.equal(at('a:80').status, 'draining')
  members.override('a:80', {})
  registry.setState(at('a:80'), 'unhealthy', 'test')
  t.equal(at('a:80').status, 'unhealthy')
  registry.setState(at('a:80'), 'healthy', 'test')
  tell('a:80;weight=3 b:80')
  t.equal(at('a:80').status, 'healthy')
  t.same(
    told.filter((line) => line.includes('terminating')),
    ['a:80 terminating: its source says so', 'a:80 terminating ended: its source says so']
  )
})
