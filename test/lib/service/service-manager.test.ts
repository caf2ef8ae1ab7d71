import t, { type Test } from 'tap'
import { ServiceManager } from '../../../lib/service/service-manager.js'
import { eventually } from '../../support/test.js'

function managed(t: Test, fail = false) {
  const told: string[] = []
  const warnings: string[] = []
  const manager = new ServiceManager({
    describe: () => '2 of 3 backends are eligible',
    warn: (message) => warnings.push(message),
    run: async (command, args) => {
      told.push([command, ...args].join(' '))
      if (fail) throw new Error('spawn systemd-notify ENOENT')
    }
  })
  t.teardown(() => manager.unwatch())
  return { manager, told, warnings }
}

t.test('there is one where it has left a socket', async (t) => {
  t.ok(ServiceManager.isThere({ NOTIFY_SOCKET: '/run/systemd/notify' }))
  t.notOk(ServiceManager.isThere({}))
  t.notOk(ServiceManager.isThere({ NOTIFY_SOCKET: '' }))
})

t.test('states are told in their order', async (t) => {
  const { manager, told } = managed(t)
  const beforeUs = process.hrtime.bigint() / 1000n
  void manager.ready()
  void manager.reloading()
  void manager.ready(true)
  await manager.stopping()
  const status = 'STATUS=2 of 3 backends are eligible'
  t.equal(told[0], `systemd-notify READY=1 ${status}`)
  const [, stamp] = /^systemd-notify RELOADING=1 MONOTONIC_USEC=(\d+) STATUS=/.exec(told[1]!)!
  t.ok(BigInt(stamp!) >= beforeUs && BigInt(stamp!) <= process.hrtime.bigint() / 1000n)
  t.equal(told[2], `systemd-notify READY=1 ${status} MAINPID=${process.pid}`)
  t.equal(told[3], 'systemd-notify STOPPING=1 STATUS=Draining')
})

t.test('what cannot be told is reported once, and does no harm', async (t) => {
  const { manager, told, warnings } = managed(t, true)
  await manager.ready()
  await manager.stopping()
  t.equal(told.length, 2)
  t.same(warnings, ['systemd is not told: spawn systemd-notify ENOENT'])
})

t.test('the watchdog is told in time, by the process that it is for', async (t) => {
  const { manager, told } = managed(t)
  manager.watch({ WATCHDOG_USEC: '20000', WATCHDOG_PID: '1' })
  manager.watch({})
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.same(told, [])
  manager.watch({ WATCHDOG_USEC: '20000', WATCHDOG_PID: `${process.pid}` })
  await eventually(() => told.length >= 2)
  t.equal(told[0], 'systemd-notify WATCHDOG=1 STATUS=2 of 3 backends are eligible')
  manager.unwatch()
  const successor = managed(t)
  successor.manager.watch({ WATCHDOG_USEC: '20000', WATCHDOG_PID: '1' }, true)
  await eventually(() => successor.told.length > 0)
})

t.test('a process that has handed over says no more', async (t) => {
  const { manager, told } = managed(t)
  await manager.ready()
  manager.watch({ WATCHDOG_USEC: '20000' })
  manager.beSilent()
  await manager.stopping()
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(told.length, 1)
})
