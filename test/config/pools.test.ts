import t from 'tap'
import type { Config } from '../../lib/config/load.js'
import { SettingsFile } from '../support/config-file.js'

const file = new SettingsFile(t)

const names = (config: Config) => config.routing?.pools.map(({ name }) => name)

function poolIn(config: Config, name: string): Config {
  return config.routing!.pools.find((pool) => pool.name === name)!.config
}

t.test('without pools and routes there is no routing', async (t) => {
  t.equal(file.load('backends: [a:80]').routing, undefined)
})

t.test(
  'a pool has its own settings, and those of the file and the variables where it has none',
  async (t) => {
    const config = file.load(
      `
connection-timeout: 1
retries: 4
pools:
  web: { backends: [a:80, 'b:80;weight=3'], health-check: { url: /healthz }, retries: 0 }
  api:
    backends: [{ address: c:80, max: 5 }]
    algorithm: hash
    hash-key: header:x-user
    queue-timeout: 2
    ejection: false
    health-check: false
routes: [{ match: { path-prefix: /api }, pool: api }, { pool: web }]
`,
      { LB_RETRIES: '1', LB_QUEUE_TIMEOUT: '9', LB_HEALTH_CHECK_PERIOD: '3' }
    )
    t.same(names(config), ['web', 'api'])
    t.match(poolIn(config, 'web'), {
      backends: [{ address: 'a:80' }, { address: 'b:80', weight: 3 }],
      connectTimeoutMs: 1000,
      healthCheck: { enabled: true, path: '/healthz', periodMs: 3000 },
      resilience: { retries: 0, queueTimeoutMs: 9000, ejection: true },
      routing: undefined
    })
    t.match(poolIn(config, 'api'), {
      backends: [{ address: 'c:80', max: 5 }],
      connectTimeoutMs: 1000,
      balancing: { algorithm: 'hash', hashKey: { from: 'header', name: 'x-user' } },
      healthCheck: { enabled: false, path: '/' },
      resilience: { retries: 1, queueTimeoutMs: 2000, ejection: false }
    })
  }
)

t.test('the backends of the variables make a pool named default', async (t) => {
  const routes = 'routes: [{ pool: default }]'
  const alone = file.load(routes, { LB_BACKENDS: 'a:80' })
  t.same(names(alone), ['default'])
  t.match(poolIn(alone, 'default').backends, [{ address: 'a:80' }])
  const beside = file.load(`pools: { web: { backends: [b:80] } }\n${routes}`, { LB_BACKENDS: 'a:80' })
  t.same(names(beside), ['web', 'default'])
  t.match(poolIn(beside, 'web').backends, [{ address: 'b:80' }])
})

t.test('a single pool without routes takes everything', async (t) => {
  t.match(file.load('pools: { web: { backends: [a:80] } }').routing?.routes, [
    { name: 'route-1', match: { hosts: [], paths: [] }, action: { kind: 'pool', pool: 'web' } }
  ])
})
