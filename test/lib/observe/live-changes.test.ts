import { BlockList } from 'node:net'
import t from 'tap'
import { ChangingList } from '../../../lib/observe/live/changing-list.js'
import { routeView } from '../../../lib/observe/live/route-view.js'
import { RouteCounts } from '../../../lib/proxy/route/route-counts.js'
import type { RouteAction, RouteFilters, RouteMatch } from '../../../lib/routing/options.js'
import { routeWith } from '../../support/routes.js'

const row = (pool: string, id: number, over: object = {}) => ({
  pool,
  id,
  state: 'healthy',
  check: null as object | null,
  requests: { total: 0, rejected: { denied: 0, overload: 0 } },
  names: ['a', 'b'],
  ...over
})

t.test('at first all rows are new, then those are told that differ, with their keys', async (t) => {
  const list = new ChangingList<ReturnType<typeof row>>('pool', 'id')
  const rows = [row('web', 0), row('web', 1), row('api', 0)]
  t.same(list.advance(rows), { keys: ['web/0', 'web/1', 'api/0'], changed: rows })
  t.same(list.advance([row('web', 0), row('web', 1), row('api', 0)]), { changed: [] })
  const changes = {
    state: 'unhealthy',
    requests: { total: 1, rejected: { denied: 1, overload: 0 } },
    names: ['a']
  }
  t.same(list.advance([row('web', 0), row('web', 1, changes), row('api', 0)]), {
    changed: [
      {
        pool: 'web',
        id: 1,
        state: 'unhealthy',
        requests: { total: 1, rejected: { denied: 1 } },
        names: ['a']
      }
    ]
  })
  t.match(list.rows[1], changes)
})

t.test('what begins or ceases to be there is told whole', async (t) => {
  const list = new ChangingList<ReturnType<typeof row>>('pool', 'id')
  list.advance([row('web', 0)])
  const check = { ok: true, result: 'status 200' }
  t.same(list.advance([row('web', 0, { check })]).changed, [{ pool: 'web', id: 0, check }])
  t.same(list.advance([row('web', 0, { check: { ...check, ok: false } })]).changed, [
    { pool: 'web', id: 0, check: { ok: false } }
  ])
  t.same(list.advance([row('web', 0)]).changed, [{ pool: 'web', id: 0, check: null }])
})

t.test('rows that come, leave or move are told by all keys', async (t) => {
  const list = new ChangingList<ReturnType<typeof row>>('pool', 'id')
  const [a, b, c] = [row('web', 0), row('web', 1), row('web', 2)]
  list.advance([a, b])
  t.same(list.advance([b, a]), { keys: ['web/1', 'web/0'], changed: [] })
  t.same(list.advance([b, c]), { keys: ['web/1', 'web/2'], changed: [c] })
  t.same(list.advance([b]), { keys: ['web/1'], changed: [] })
  t.same(list.advance([a, b]), { keys: ['web/0', 'web/1'], changed: [a] })
})

const shown = (action: RouteAction, match: Partial<RouteMatch> = {}, filters: Partial<RouteFilters> = {}) => {
  const route = routeWith(filters, action)
  return routeView({
    ...route,
    match: { ...route.match, ...match },
    pools: [],
    counts: new RouteCounts()
  })
}

t.test('where a route leads, in words', async (t) => {
  const redirect = (over: object): RouteAction => ({
    kind: 'redirect',
    statusCode: undefined,
    scheme: undefined,
    host: undefined,
    port: undefined,
    path: undefined,
    ...over
  })
  const split: RouteAction = {
    kind: 'split',
    pools: [
      { pool: 'web', weight: 2 },
      { pool: 'next', weight: 1 },
      { pool: 'off', weight: 0 }
    ],
    isSteady: false
  }
  for (const [action, text] of [
    [{ kind: 'pool', pool: 'web' }, 'web'],
    [split, 'web 66.7 %, next 33.3 %, off 0 %'],
    [{ kind: 'respond', statusCode: 404, headers: [], body: '' }, 'answer 404'],
    [redirect({ scheme: 'https', statusCode: 301 }), 'redirect 301 to https://…/…'],
    [redirect({ host: 'new.example', port: 8443 }), 'redirect 302 to …://new.example:8443/…'],
    [redirect({ path: { kind: 'prefix', replacement: '/' } }), 'redirect 302 to /…'],
    [
      redirect({ scheme: 'https', host: 'x.example', path: { kind: 'full', path: '/a' } }),
      'redirect 302 to https://x.example/a'
    ]
  ] as const)
    t.equal(shown(action).leadsTo, text)
  const mirror = { pool: 'shadow', percent: 10 }
  t.equal(shown({ kind: 'pool', pool: 'web' }, {}, { mirror }).leadsTo, 'web, 10 % mirrored to shadow')
})

t.test('what a route matches, in words', async (t) => {
  const web: RouteAction = { kind: 'pool', pool: 'web' }
  const pattern = { source: '^/x', test: () => true }
  for (const [match, text] of [
    [{}, 'everything'],
    [{ hosts: ['a.example'], paths: [{ kind: 'prefix', path: '/v2' }] }, 'a.example · /v2/…'],
    [{ paths: [{ kind: 'prefix', path: '/' }] }, '/…'],
    [
      {
        methods: ['GET'],
        paths: [
          { kind: 'exact', path: '/a' },
          { kind: 'regexp', pattern }
        ]
      },
      'GET · /a, ~ ^/x'
    ],
    [{ hosts: ['a', 'b', 'c', 'd', 'e'] }, 'a, b, c and 2 more'],
    [
      { headers: [{ name: 'x-a', anyOf: [true] }], query: [{ name: 'q', anyOf: ['1'] }] },
      'field x-a · query q'
    ],
    [
      { clients: new BlockList(), ports: [8443], tlsNames: ['a.example'] },
      'some clients · port 8443 · TLS name a.example'
    ]
  ] as const)
    t.equal(shown(web, match as Partial<RouteMatch>).match, text)
})
