import t from 'tap'
import type { Config } from '../../lib/config/load.js'
import { SettingsFile } from '../support/config-file.js'
import { run } from '../support/processes.js'

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

const TWO = (a: string, b: string, routes = '[{ match: { path-prefix: /b }, pool: b }, { pool: a }]') =>
  `pools:\n  a: { backends: [a:80], ${a} }\n  b: { backends: [b:80], ${b} }\nroutes: ${routes}\n`

/** The cookies of the pools, by their names. */
const cookies = (config: Config) =>
  Object.fromEntries(config.routing!.pools.map(({ name, config }) => [name, config.balancing.sticky?.cookie]))

t.test('the cookie of a pool has its name in it, unless it is named or there is one pool', async (t) => {
  const sticky = { LB_STICKY_COOKIE: 'app', LB_BACKENDS: 'd:80' }
  t.same(cookies(file.load(TWO('sticky: true', 'sticky: { cookie: s, max-age: 60 }'))), { a: 'lb-a', b: 's' })
  t.same(cookies(file.load(TWO('sticky: { max-age: 60 }', 'sticky: false'))), { a: 'lb-a', b: undefined })
  t.same(cookies(file.load(TWO('sticky: false', 'retries: 1'), sticky)), {
    a: undefined,
    b: 'app-b',
    default: 'app'
  })
  t.same(cookies(file.load('pools: { a: { backends: [a:80], sticky: true } }')), { a: 'lb' })
  t.equal(file.load('backends: [a:80]\nsticky: true').balancing.sticky?.cookie, 'lb')
})

t.test('a session is signed with the name of its pool, but for the pool of the variables', async (t) => {
  const { routing } = file.load(TWO('sticky: true', 'sticky: true'), {
    LB_BACKENDS: 'd:80',
    LB_STICKY_COOKIE: 'x'
  })
  t.same(
    routing!.pools.map(({ config }) => config.balancing.sticky?.pool),
    ['a', 'b', '']
  )
})

t.test('one cookie for two pools is a fault where one host, or its domain, leads to both', async (t) => {
  const same = (more = '') => `sticky: { cookie: s${more} }`
  const routes = (a: string, b: string) =>
    `[{ match: { host: ${a} }, pool: a }, { match: { host: ${b} }, pool: b }]`
  const faults = (a: string, b: string, more?: string) =>
    file.faults(TWO(same(more), same(more), routes(a, b))).length
  t.equal(faults('a.test', 'b.test'), 0)
  t.equal(faults('"*.a.test"', '"*.b.test"'), 0)
  t.equal(faults('"*.test"', 'b.test'), 1)
  t.equal(faults('"*.test"', '"*.b.test"'), 1)
  t.equal(faults('[a.test, b.test]', '[c.test, b.test]'), 1)
  t.equal(faults('a.test', 'b.test', ', domain: test.example'), 1)
  t.equal(file.faults(TWO(same(), same(', path: /b'))).length, 0)
  t.equal(file.faults(TWO(same(), same(), '[{ split: [{ pool: a }, { pool: b }] }]')).length, 1)
})

t.test('what a pool inherits is a fault only if it cannot work', async (t) => {
  const env = { LB_ALGORITHM: 'hash', LB_HASH_KEY: 'target', LB_STICKY_COOKIE: 'lb', LB_STICKY_MAX_AGE: '60' }
  t.same(file.faults(TWO('algorithm: random', 'sticky: false'), env), [], 'idle in one pool')
  t.same(
    file.faults(`sticky-max-age: 5\n${TWO('retries: 1', 'sticky: false')}`, { LB_HASH_KEY: 'target' }),
    ['LB_HASH_KEY needs LB_ALGORITHM=hash', 'LB_CONFIG: sticky-max-age needs sticky-cookie (1:17)'],
    'idle in all'
  )
  t.same(file.faults(TWO('retries: 1', 'hash-key: target')), [
    'LB_CONFIG: pools.b.hash-key needs algorithm=hash (3:36)'
  ])
  const body = { LB_HEALTH_CHECK_BODY: 'ok' }
  t.same(file.faults(TWO('health-check: { method: HEAD }', 'retries: 1'), body), [
    'LB_CONFIG: pools.a: health-check-body needs another pools.a.health-check.method: an answer to HEAD has no body (2:6)'
  ])
  t.same(file.faults(TWO('retries: 1', 'retries: 2'), { ...body, LB_HEALTH_CHECK_METHOD: 'HEAD' }), [
    'LB_HEALTH_CHECK_BODY needs another LB_HEALTH_CHECK_METHOD: an answer to HEAD has no body'
  ])
  t.same(file.faults(TWO('health-check: { url: "grpc:" }', 'retries: 1')), [
    'LB_CONFIG: pools.a.backends "a:80": needs h2, or a check of its own: pools.a.health-check.url=grpc: is spoken over ' +
      'HTTP/2 alone (2:18)'
  ])
})

t.test(
  'values that are wrong at the top are told along with what is wrong in pools and routes',
  async (t) => {
    t.same(file.faults(`retries: x\n${TWO('retries: y', 'hedge: 1', '[{ pool: c }]')}`, { LB_PANIC: 'z' }), [
      'LB_PANIC must be true or false, but is "z"',
      'LB_CONFIG: retries must be a whole number from 0 to 10, but is "x" (1:10)',
      'LB_CONFIG: pools.a.retries must be a whole number from 0 to 10, but is "y" (3:35)',
      'LB_CONFIG: routes[0].pool names the pool "c", but there are a, b (5:12)'
    ])
  }
)

t.test('what reads routes is loaded only where there are some', async (t) => {
  file.load('backends: [a:80]')
  const code =
    'require("./dist/lib/config/load.js").loadConfig(process.env); console.log(Object.keys(require.cache)' +
    '.filter((key) => /lib.config.(routing|shapes|file)|js-yaml/.test(key)).map((key) => require("path").basename(key)).join())'
  const without = await run(['-e', code], { LB_BACKENDS: 'a:80' })
  t.equal(without.stdout, '\n', 'no file')
  const plain = await run(['-e', code], { LB_CONFIG: file.name })
  t.match(plain.stdout, 'yaml.js')
  t.notMatch(plain.stdout, 'routes.js', 'a file of settings alone')
})
