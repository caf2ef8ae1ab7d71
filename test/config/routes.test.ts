import t from 'tap'
import type { RouteOptions } from '../../lib/routing/options.js'
import { SettingsFile } from '../support/config-file.js'

const file = new SettingsFile(t)

/** A route to the pool of the variables, with these keys more. */
function routeWith(keys: string): RouteOptions {
  return file.load(`routes:\n  - { pool: default, ${keys} }`).routing!.routes[0]!
}

const matchOf = (keys: string) => routeWith(`match: { ${keys} }`).match

t.test('a match in full', async (t) => {
  const match = matchOf(
    'host: [A.Example., "*.B.example", "[::1]"], path: /x, path-prefix: [/v2/, /], path-regexp: "^/y", method: [GET, PUT], ' +
      'headers: { X-A: b, x-c: [true, { regexp: d }] }, query: { q: [1, two] }, client: [10.0.0.0/8, "::1"], ' +
      'port: 443, tls-name: "*.c.example"'
  )
  t.match(match, {
    hosts: ['a.example', '*.b.example', '[::1]'],
    paths: [
      { kind: 'exact', path: '/x' },
      { kind: 'prefix', path: '/v2' },
      { kind: 'prefix', path: '/' },
      { kind: 'regexp', pattern: { source: '^/y' } }
    ],
    methods: ['GET', 'PUT'],
    headers: [
      { name: 'x-a', anyOf: ['b'] },
      { name: 'x-c', anyOf: [true, { source: 'd' }] }
    ],
    query: [{ name: 'q', anyOf: ['1', 'two'] }],
    ports: [443],
    tlsNames: ['*.c.example']
  })
  t.ok(match.clients!.check('10.1.2.3'))
  t.notOk(match.clients!.check('11.1.2.3'))
})

t.test('paths are in their normal form', async (t) => {
  const pathsOf = (keys: string) => matchOf(keys).paths.map((path) => 'path' in path && path.path)
  t.same(pathsOf('path: [/café, "/caf%c3%a9", /%41, "/a b"]'), ['/caf%C3%A9', '/caf%C3%A9', '/A', '/a%20b'])
  t.same(pathsOf('path-prefix: [/a/, /b//]'), ['/a', '/b'])
  const raw = routeWith('paths: raw, match: { path: [/a/../b, /%61, /%zz, /é], path-prefix: /%2f/ }').match
    .paths
  t.same(
    raw.map((path) => 'path' in path && path.path),
    ['/a/../b', '/%61', '/%zz', Buffer.from('/é').toString('latin1'), '/%2f'],
    'as clients send it'
  )
  t.same(
    file.faults(
      'routes: [{ match: { path: /a }, pool: default }, { match: { path: /a }, paths: raw, respond: {} }]'
    ),
    [],
    'another match'
  )
})

t.test('what YAML takes for numbers and truth is the text that was written', async (t) => {
  const { headers } = matchOf(
    'headers: { a: 080, b: 1.0, c: yes, d: "true", e: true, f: 0x1f, g: off, h: 1e3 }'
  )
  t.same(
    headers.map(({ anyOf }) => anyOf[0]),
    ['080', '1.0', 'yes', 'true', true, '0x1f', 'off', '1e3']
  )
  t.equal(file.load('sticky-cookie: 007').balancing.sticky?.cookie, '007')
  t.equal(file.load('admin-token: 12345678901234567890').admin.token, '12345678901234567890')
})

t.test('anchors, aliases and merge keys', async (t) => {
  const { routing } = file.load(`
x-all: &all { retries: 1, hedge: true, health-check: { url: /a } }
x-more: &more { retries: 2, panic: true }
pools:
  web: { <<: [*all, *more], backends: &backends [a:80], hedge: false }
  api: { <<: *all, backends: *backends }
routes:
  - { match: &match { host: a.test }, pool: web }
  - { match: { <<: *match, path: /a }, pool: api }
`)
  const [web, api] = routing!.pools
  t.match(web!.config, { resilience: { retries: 1, hedge: false, panic: true }, healthCheck: { path: '/a' } })
  t.match(api!.config, {
    resilience: { retries: 1, hedge: true, panic: false },
    backends: [{ address: 'a:80' }]
  })
  t.match(routing!.routes[1]!.match, { hosts: ['a.test'], paths: [{ path: '/a' }] })
})

t.test('actions', async (t) => {
  const { routes } = file.load(
    `
pools: { a: { backends: [a:80] }, b: { backends: [b:80] } }
routes:
  - { match: { path: /1 }, pool: a }
  - { match: { path: /2 }, split: [{ pool: a, weight: 9 }, { pool: b }], split-by: client }
  - { match: { path-prefix: /3 }, redirect: { scheme: https, host: X.test, port: 8443, path-prefix: /y/, status: 301 } }
  - { match: { path: /4 }, redirect: { path: /z } }
  - { match: { path: /5 }, respond: { status: 418, headers: { A: [b, c], D: 5 }, body: short } }
  - { match: { path: /6 }, respond: {} }
`
  ).routing!
  t.strictSame(
    routes.map(({ action }) => action),
    [
      { kind: 'pool', pool: 'a' },
      {
        kind: 'split',
        pools: [
          { pool: 'a', weight: 9 },
          { pool: 'b', weight: 1 }
        ],
        isSteady: true
      },
      {
        kind: 'redirect',
        statusCode: 301,
        scheme: 'https',
        host: 'x.test',
        port: 8443,
        path: { kind: 'prefix', replacement: '/y' }
      },
      {
        kind: 'redirect',
        statusCode: undefined,
        scheme: undefined,
        host: undefined,
        port: undefined,
        path: { kind: 'full', path: '/z' }
      },
      {
        kind: 'respond',
        statusCode: 418,
        headers: [
          ['A', 'b'],
          ['A', 'c'],
          ['D', '5']
        ],
        body: 'short'
      },
      { kind: 'respond', statusCode: 200, headers: [], body: '' }
    ]
  )
})

t.test('filters', async (t) => {
  const { name, paths, filters } = routeWith(
    'name: all, match: { path-prefix: /a }, rewrite: { host: b.test:81, path-prefix: / }, paths: raw, ' +
      'request-headers: { set: { A: b }, add: { C: [d, e] }, remove: [F, G] }, response-headers: { remove: Server }, ' +
      'mirror: { pool: default, percent: 0.5 }, timeout: 1.5, retries: 0, max-body-size: 0, rate-limit: 600/m;burst=5, ' +
      'allow: [10.0.0.0/8], deny: 10.0.0.1, errors: [{ status: [502-504, 404], html: <p>, of-backends: true }]'
  )
  t.match([name, paths], ['all', 'raw'])
  const page = { html: '<p>', json: undefined, ofBackends: true }
  t.match(filters, {
    rewriteHost: 'b.test:81',
    rewritePath: { kind: 'prefix', replacement: '/' },
    requestHeaders: {
      set: [['A', 'b']],
      add: [
        ['C', 'd'],
        ['C', 'e']
      ],
      remove: ['F', 'G']
    },
    responseHeaders: { set: [], add: [], remove: ['Server'] },
    mirror: { pool: 'default', percent: 0.5 },
    timeoutMs: 1500,
    retries: 0,
    maxBodyBytes: 0,
    rateLimit: { perSecond: 10, burst: 5 },
    errors: [
      { from: 502, to: 504, ...page },
      { from: 404, to: 404, ...page }
    ]
  })
  t.ok(filters.allow!.check('10.9.9.9'))
  t.ok(filters.deny!.check('10.0.0.1'))
})
