import { CORE_SCHEMA, load, mergeTag } from 'js-yaml'
import t from 'tap'
import { settingNames } from '../../lib/config/file/groups.js'
import { ConfigError } from '../../lib/config/load.js'
import { GROUPS, type LoadBalancerOptions, SWITCHES } from '../../lib/config/options.js'
import { loadBalancerConfig } from '../../lib/config/program.js'
import { SettingsFile } from '../support/config-file.js'
import { fileWith, WRONG_FILES, WRONG_ROUTES } from './wrong-routes.js'

const file = new SettingsFile(t)
const BACKENDS = 'backends must name at least one backend, such as 127.0.0.1:8080'

const configOf = (options: unknown) => loadBalancerConfig(options as LoadBalancerOptions)

/** What is wrong with the options of a program. */
function faultsOf(options: unknown): readonly string[] {
  try {
    configOf(options)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

t.test('what is wrong in a file is wrong in an object, and is called the same', async (t) => {
  const texts = [...WRONG_ROUTES.map(([route]) => fileWith(route)), ...WRONG_FILES.map(([text]) => text)]
  let compared = 0
  for (const text of texts) {
    let options: unknown
    try {
      options = load(text, { schema: CORE_SCHEMA.withTags(mergeTag) })
    } catch {
      // What YAML forbids no object has.
      continue
    }
    if (text.startsWith('x-')) continue
    const wanted = file.faults(text).map((fault) =>
      fault
        .replace(/^LB_CONFIG: /, '')
        .replace(/ \(\d+:\d+\)$/, '')
        .replace('at the top of the file', 'beside pools')
        .replace(' (LB_BACKENDS)', '')
        .replace('by LB_BACKENDS', 'by backends')
    )
    const found = faultsOf(options)
    t.same(
      found.filter((fault) => fault !== BACKENDS),
      wanted,
      text
    )
    compared++
  }
  t.ok(compared > 130, `${compared}`)
})

t.test('all that is wrong is named at once, as the program has spelled it', async (t) => {
  const options = {
    maxSockets: -1,
    'stats-interval': 1,
    statsInterval: 2,
    port: 80,
    config: 'lb.yml',
    pidFile: 'lb.pid',
    pools: {
      web: { backends: 'a:1', healthCheckPeriod: 0, healthCheck: { downPeriodd: 1 }, maxSockets: 3 },
      api: { algorithm: 'random', hashKey: 'target', backends: ['b:1'] }
    },
    routes: [
      { match: { host: /x/, pathPrefix: '/x' }, pool: 'web' },
      { match: { path: () => '/a' }, pool: 'wbe' }
    ]
  }
  t.same(faultsOf(options), [
    'maxSockets must be a whole number from 0 to 1000000, but is "-1"',
    'statsInterval is given as stats-interval as well',
    'port is for listen() to say',
    'config is no option: a program gives the settings themselves',
    'pidFile is for a process of its own to have: see the command lb',
    'pools.web.healthCheckPeriod must be a number of seconds from 0.1 to 86400, but is "0"',
    'pools.web.healthCheck.downPeriodd is not a known setting; did you mean down-period?',
    'pools.web.maxSockets is not for a pool to have: write it beside pools',
    'pools.api.hashKey needs pools.api.algorithm=hash',
    'routes[0].match.host must be a text, a number, true, false, a list or an object, but is a RegExp',
    'routes[0].match.pathPrefix is not a known key; did you mean path-prefix?',
    'routes[1].match.path must be a text, a number, true, false, a list or an object, but is a Function',
    'routes[1].pool names the pool "wbe", but there are web, api; did you mean web?'
  ])
  t.same(faultsOf([]), ['options must be an object'])
  t.same(faultsOf(undefined), [BACKENDS])
})

t.test('an object that holds itself is wrong, and one that stands in two places is not', async (t) => {
  const route: Record<string, unknown> = { pool: 'default' }
  route.match = { headers: route }
  t.match(faultsOf({ backends: 'a:1', routes: [route] }), ['routes[0].match.headers must not hold itself'])
  const match = { client: ['10.0.0.0/8'] }
  const routes = [
    { match, pool: 'default' },
    { match: { ...match, path: '/a' }, pool: 'default' }
  ]
  t.same(faultsOf({ backends: 'a:1', routes }), [])
})

t.test(
  'settings may be grouped, in hyphens and in camel case, and what is undefined is not there',
  async (t) => {
    const text =
      'max-sockets: 9\nhealth-check: { period: 3 }\npools:\n' +
      '  web: { backends: ["a:1;weight=2"], health-check: { down-period: 2, url: /x }, queue-size: 5, ejection: false }\n' +
      '  api: { backends: [b:1], health-check: false }\n' +
      'routes: [{ match: { path-prefix: /api, query: { v: "2" } }, pool: api }, { pool: web }]'
    const wanted = { ...file.load(text), file: '' }
    const routes = [
      { match: { 'path-prefix': '/api', query: { v: 2 }, host: undefined }, pool: 'api' },
      { pool: 'web', split: undefined }
    ]
    for (const options of [
      {
        'max-sockets': 9,
        'health-check': { period: 3 },
        pools: {
          web: {
            backends: ['a:1;weight=2'],
            'health-check': { 'down-period': 2, url: '/x' },
            'queue-size': 5,
            ejection: false
          },
          api: { backends: 'b:1', 'health-check': false }
        },
        routes
      },
      {
        max: { sockets: 9 },
        healthCheckPeriod: 3,
        hedge: undefined,
        pools: {
          web: {
            backends: [{ address: 'a:1', weight: 2, max: undefined }],
            healthCheck: { downPeriod: 2, url: '/x' },
            queue: { size: 5 },
            noEjection: true
          },
          api: { backends: 'b:1', noHealthCheck: true }
        },
        routes
      }
    ])
      t.same(JSON.stringify(withoutFile(configOf(options))), JSON.stringify(withoutFile(wanted)))
  }
)

t.test('the types know the groups and switches that files have', async (t) => {
  const { groups, switches } = settingNames()
  const keys = (words: readonly string[]) =>
    words.map((each) => each.toLowerCase().replaceAll('_', '-')).sort()
  t.same(keys(GROUPS), [...groups].sort())
  t.same(keys(SWITCHES), [...switches.keys()].sort())
})

/** A configuration of which pools do not know where it comes from. */
const withoutFile = ({ routing, ...config }: ReturnType<typeof configOf>) => ({
  ...config,
  file: '',
  routes: routing!.routes,
  pools: routing!.pools.map((pool) => ({ ...pool, config: { ...pool.config, file: '' } }))
})
