import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { keyOf } from '../../lib/config/file.js'
import { type ConfigError, loadConfig } from '../../lib/config/load.js'
import { describeVariables } from '../../lib/config/schema.js'

const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-config-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

function fileOf(text: string): string {
  const file = path.join(folder, 'lb.yml')
  writeFileSync(file, text)
  return file
}

const load = (text: string, env = {}) => loadConfig({ LB_CONFIG: fileOf(text), ...env })

function faultsOf(text: string): readonly string[] {
  try {
    load(text)
  } catch (error) {
    return (error as ConfigError).faults
  }
  return []
}

t.test('settings in a file count as variables, and variables override them', async (t) => {
  const text = `
port: 8000
health-check-period: 3
no-ejection: true
trusted-proxies: [10.0.0.0/8, "::1"]
health-check-status: [200-299, 304]
health-check-headers: ["X-A: 1; 2", "X-B: 3"]
backends:
  - 127.0.0.1:8080
  - { address: "127.0.0.1:8081", weight: 3, backup: true, check: /h, no-check: false }
`
  const config = load(text)
  t.match(config, { port: 8000, resilience: { ejection: false }, healthCheck: { periodMs: 3000 } })
  t.equal(config.trustedProxies.rules.length, 2)
  t.same(config.healthCheck.fields, [
    { name: 'X-A', value: '1; 2' },
    { name: 'X-B', value: '3' }
  ])
  t.match(config.backends, [
    { address: '127.0.0.1:8080', weight: 1 },
    { address: '127.0.0.1:8081', weight: 3, backup: true, checkPath: '/h' }
  ])
  const other = load(text, { PORT: '9000', LB_BACKENDS: 'a:80' })
  t.match([other.port, other.backends.length, other.healthCheck.periodMs], [9000, 1, 3000])
  t.equal(load('{ "port": 81, "backends": ["a:80"] }').port, 81, 'JSON')
})

t.test('every variable except LB_CONFIG can be set in the file', async (t) => {
  for (const { name, info } of describeVariables()) {
    if (name === 'LB_CONFIG') continue
    t.same(faultsOf(`${keyOf(name)}: ${JSON.stringify(info.fallback)}`), [], name)
  }
})

t.test('everything that is wrong with a file is reported', async (t) => {
  t.same(faultsOf('prot: 80\nconfig: x\nmax-connections: 0\nstats-interval: {a: 1}'), [
    'LB_CONFIG has an unknown setting "prot"',
    'LB_CONFIG has an unknown setting "config"',
    'LB_CONFIG: stats-interval must be a text, a number, true or false, or a list of those',
    'LB_MAX_CONNECTIONS must be a whole number from 1 to 1000000, but is "0"'
  ])
  t.match(faultsOf('- a\n- b'), [/must name a file with a setting a line/])
  t.match(faultsOf('a: [').join(), /LB_CONFIG: .*lb\.yml cannot be read: /)
  t.match(faultsOf('backends: [{ weight: 3 }]'), [/must have an address/])
  t.match(faultsOf('backends: [{ address: "a:80", check: "/x;weight=5" }]'), [
    /neither an address nor an option/
  ])
  t.match(faultsOf('backends: [{ address: "a:80", wieght: 3 }]'), [/unknown option "wieght=3"/])
  t.throws(() => loadConfig({ LB_CONFIG: path.join(folder, 'none.yml') }), /cannot be read: ENOENT/)
})
