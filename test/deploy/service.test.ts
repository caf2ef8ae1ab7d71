import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { closeGraceDelay } from '../../fastify.config.js'
import { loadConfig } from '../../lib/config/load.js'
import { bin } from '../../package.json'
import { test } from '../helper.js'
import { command, needs } from '../support/command.js'
import { ROOT } from '../support/processes.js'

const UNIT = readFileSync(path.join(ROOT, 'deploy/fairlead.service'), 'utf8')

/** The values of a setting. */
function settings(name: string): string[] {
  return [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value!)
}

test('the service runs lb as nobody in particular, who may take port 80 and nothing else', async (t) => {
  t.same(
    settings('ExecStart').map((file) => path.basename(file)),
    ['lb']
  )
  t.ok('lb' in bin)
  t.same(settings('DynamicUser'), ['yes'])
  t.same(settings('User'), [])
  t.same(settings('AmbientCapabilities'), ['CAP_NET_BIND_SERVICE'])
  t.same(settings('CapabilityBoundingSet'), ['CAP_NET_BIND_SERVICE'])
  t.same(settings('NoNewPrivileges'), ['yes'])
  t.notMatch(UNIT, /^MemoryDenyWriteExecute=yes/m, 'Node.js could not run')
  t.match(settings('RestrictAddressFamilies').join(), /AF_INET AF_INET6 AF_NETLINK/)
})

test('the service has the time to drain, and file descriptors for its limits', async (t) => {
  const { drainTimeoutMs, maxSockets, maxConnections } = loadConfig({})
  t.same(settings('KillSignal'), ['SIGTERM'])
  t.ok(closeGraceDelay > drainTimeoutMs)
  t.ok(Number(settings('TimeoutStopSec')) * 1000 > closeGraceDelay)
  t.ok(Number(settings('LimitNOFILE')) >= maxSockets + maxConnections + 100)
})

test('systemd finds nothing wrong with the service', async (t) => {
  if (!needs(t, 'systemd-analyze')) return
  const verify = async (unit: string) => {
    const file = path.join(t.testdir(), 'fairlead.service')
    writeFileSync(file, unit.replace(/^ExecStart=.*$/m, `ExecStart=${process.execPath}`))
    const { code, stderr } = await command(t, 'systemd-analyze', ['verify', file])
    return { code, told: stderr.split('\n').filter((line) => line.includes('fairlead.service')) }
  }
  t.same(await verify(UNIT), { code: 0, told: [] })
  const { told } = await verify(UNIT.replace('KillMode=', 'KilMode='))
  t.match(told.join(), 'KilMode', 'which it would tell')
})
