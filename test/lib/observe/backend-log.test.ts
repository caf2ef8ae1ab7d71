import { EventEmitter } from 'node:events'
import t from 'tap'
import { BackendLog, internalErrorLog, logNameLookups } from '../../../lib/observe/backend-log.js'
import type { Resolver } from '../../../lib/transport/resolver/resolver.js'
import { backendConfigs, registryOf } from '../../support/registry.js'

type Record = [level: string, message: string, fields: object]

/** A logger that keeps what it is given. */
function recorder() {
  const records: Record[] = []
  const method = (level: string) => (fields: object, message: string) =>
    void records.push([level, message, fields])
  return { records, log: { info: method('info'), warn: method('warn'), error: method('error') } }
}

/** A log of a registry, and what levels and messages it has since it was last asked. */
function stage(text: string, options: Parameters<typeof registryOf>[1] = {}) {
  const { records, log } = recorder()
  const registry = registryOf(text, options)
  const backendLog = new BackendLog(log, registry)
  const lines = () => records.splice(0).map(([level, message]) => `${level} ${message}`)
  return { registry, backendLog, records, lines, backends: registry.backends }
}

t.test('a change of state is logged with its reason, an unhealthy one as a warning', async (t) => {
  const { registry, records, lines, backends } = stage('a:80 b:80')
  registry.setState(backends[0]!, 'unhealthy', 'refused')
  t.same(records, [
    [
      'warn',
      'Backend[0] a:80 is UNHEALTHY, was healthy: refused',
      { backend: 'a:80', from: 'healthy', to: 'unhealthy', reason: 'refused', eligible: 1 }
    ]
  ])
  lines()
  registry.setState(backends[0]!, 'healthy', 'check passed')
  t.same(lines(), ['info Backend[0] a:80 is HEALTHY, was unhealthy: check passed'])
})

t.test('it is an error that no backend is left, and so is a panic', async (t) => {
  const { registry, lines, backends } = stage('a:80')
  registry.setState(backends[0]!, 'unhealthy', 'refused')
  t.same(lines().slice(1), ['error No backend is left: requests are answered 503 until one is back'])

  const panicking = stage('a:80', { panic: true })
  panicking.registry.setState(panicking.backends[0]!, 'unhealthy', 'refused')
  t.ok(panicking.lines().includes('error No backend is healthy: requests go to unhealthy ones'))
  panicking.registry.setState(panicking.backends[0]!, 'healthy', 'check passed')
  t.ok(panicking.lines().includes('info Requests go to healthy backends alone again'))
})

t.test('ejections and drains', async (t) => {
  const { registry, lines, backends } = stage('a:80 b:80')
  const [a] = backends
  registry.setEjected(a!, true, '5 errors in a row')
  registry.setEjected(a!, false, 'its time is over')
  registry.setDraining(a!, true, 'set by hand')
  registry.setDraining(a!, false, 'set by hand')
  t.same(lines(), [
    'warn Backend[0] a:80 is ejected: 5 errors in a row',
    'info Backend[0] a:80 is back from its ejection: its time is over',
    'info Backend[0] a:80 is being drained: set by hand',
    'info Backend[0] a:80 is drained no more: set by hand'
  ])
})

t.test('backends that join, change and leave', async (t) => {
  const { registry, lines } = stage('a:80')
  const [config, changed] = backendConfigs('b:80 c:80;weight=3')
  const backend = registry.add(config!)
  registry.reconfigure(backend, { ...config!, weight: changed!.weight })
  registry.remove(backend)
  t.same(lines(), [
    'info Backend[1] b:80 has joined',
    'info Backend[1] b:80 is set up anew',
    'info Backend[1] b:80 has left, with 0 requests in flight'
  ])
})

t.test(
  'failed requests of a kind are one line a second, and what is held back is written at the end',
  async (t) => {
    const { registry, backendLog, lines, backends } = stage('a:80 b:80')
    for (let i = 0; i < 3; i++)
      registry.reportFailure(backends[1]!, 'LB_BACKEND_RESET', 'connection reset', false)
    t.same(lines(), ['warn Backend[1] b:80 failed a request: connection reset'])
    backendLog.flush()
    t.same(lines(), ['warn Backend[1] b:80 failed a request: connection reset (2 times)'])
  }
)

t.test('look-ups of names', async (t) => {
  const { records, log } = recorder()
  const resolver = new EventEmitter()
  logNameLookups(log, resolver as Resolver)
  const hostname = 'app.example'
  const addresses = ['10.0.0.2']
  resolver.emit('changed', { hostname, addresses, before: ['10.0.0.1', '10.0.0.3'] })
  const error = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
  for (const isKnown of [true, false]) resolver.emit('failing', { hostname, error, isKnown })
  resolver.emit('recovered', { hostname, addresses })
  t.same(
    records.map(([level, message]) => `${level} ${message}`),
    [
      'info app.example has moved to 10.0.0.2 from 10.0.0.1, 10.0.0.3',
      'warn app.example is not resolved (host name not found): its last addresses are kept',
      'warn app.example is not resolved (host name not found)',
      'info app.example is resolved: 10.0.0.2'
    ]
  )
})

t.test('an error of our own code is logged once, with its stack', async (t) => {
  const { records, log } = recorder()
  const onInternalError = internalErrorLog(log)
  const bugs = [new TypeError('a bug'), new TypeError('another one')] as const
  for (const error of [bugs[0], bugs[0], bugs[1]]) onInternalError(error)
  t.same(
    records.map(([level, message]) => `${level} ${message}`),
    [
      'error A response was dropped by an error of the balancer itself: TypeError: a bug',
      'error A response was dropped by an error of the balancer itself: TypeError: another one'
    ]
  )
  t.equal((records[0]![2] as { err: Error }).err, bugs[0])
})
