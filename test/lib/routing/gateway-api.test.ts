import t from 'tap'
import { RouteTable } from '../../../lib/routing/route-table.js'
import type { RoutedRequest } from '../../../lib/routing/routed-request.js'
import { type Conditions, route, routed } from '../../support/route-table.js'

// What Gateway API's conformance suite (v1, HTTPRoute) expects of matching, in hosts, paths and values of our own. A rule
// with several matches is several routes that lead to the same.

/** Requests and the pools that they are for: of a text with a bar, what is behind it are fields, as `name: value`. */
type Cases = Readonly<Record<string, string>>

function fieldsOf(text: string | undefined): Partial<RoutedRequest> {
  if (!text) return {}
  return { headers: Object.fromEntries(text.split(', ').map((field) => field.split(': '))) }
}

function conforms(
  name: string,
  rules: readonly (readonly [pool: string, ...Conditions[]])[],
  cases: Cases
): void {
  t.test(name, async (t) => {
    const table = new RouteTable(
      rules.flatMap(([pool, ...matches]) => matches.map((match) => route(pool, match)))
    )
    for (const [text, pool] of Object.entries(cases)) {
      const [line = '', fields] = text.split(' | ')
      t.equal(routed(table, line, fieldsOf(fields)), pool, text)
    }
  })
}

conforms('HTTPRouteSimpleSameNamespace: a rule without matches takes all', [['web', {}]], {
  '/': 'web',
  'shop.example/any/path?q': 'web',
  'DELETE /x': 'web'
})

conforms(
  'HTTPRouteMatching: by path or by a field, and a longer prefix before a field',
  [
    ['blue', { path: '/' }, { headers: { edition: 'a' } }],
    ['green', { path: '/next' }, { headers: { edition: 'b' } }]
  ],
  {
    '/': 'blue',
    '/page': 'blue',
    '/ | edition: a': 'blue',
    '/next': 'green',
    '/next/page': 'green',
    '/ | edition: b': 'green',
    '/next/': 'green',
    '/nextpage': 'blue',
    '/page/next/x': 'blue',
    '/next | edition: a': 'green'
  }
)

conforms(
  'HTTPRouteMatchingAcrossRoutes: routes of a host that they share are one list',
  [
    [
      'blue',
      { host: 'shop.example shop.test', path: '/' },
      { host: 'shop.example shop.test', headers: { edition: 'a' } }
    ],
    ['green', { host: 'shop.example', path: '/next' }, { host: 'shop.example', headers: { edition: 'b' } }]
  ],
  {
    'shop.example/': 'blue',
    'shop.example/page': 'blue',
    'shop.test/page': 'blue',
    'shop.example/page | edition: a': 'blue',
    'shop.example/next': 'green',
    'shop.test/next': 'blue',
    'shop.example/next/page': 'green',
    'shop.example/ | edition: b': 'green',
    'shop.test/ | edition: b': 'blue',
    'other.example/': 'no-route'
  }
)

conforms(
  'HTTPRouteHeaderMatching: all fields of a match, any match of a rule, more fields before fewer',
  [
    ['blue', { headers: { edition: 'a' } }],
    ['green', { headers: { edition: 'b' } }],
    ['blue', { headers: { edition: 'b', team: 'red' } }],
    ['blue', { headers: { team: 'ash' } }, { headers: { team: 'elm' } }],
    ['green', { headers: { team: 'oak' } }, { headers: { team: 'fir' } }]
  ],
  {
    '/ | edition: a': 'blue',
    '/ | edition: b': 'green',
    '/ | edition: b, team: red': 'blue',
    '/ | edition: b, team: ash': 'green',
    '/ | team: red': 'no-route',
    '/ | other: a': 'no-route',
    '/ | team: ash': 'blue',
    '/ | team: elm': 'blue',
    '/ | team: oak': 'green',
    '/ | team: fir': 'green',
    '/ | team: yew': 'no-route'
  }
)

conforms(
  'HTTPRouteQueryParamMatching: by parameters, whose names tell capitals from small letters, and their rank',
  [
    ['blue', { query: { fruit: 'fig' } }],
    ['green', { query: { fruit: 'kiwi' } }],
    ['grey', { query: { fruit: 'kiwi', size: 'xl' } }, { query: { FRUIT: 'Fig' } }],
    ['blue', { path: '/a', query: { fruit: 'fig' } }],
    ['green', { headers: { edition: 'a' }, query: { fruit: 'fig' } }],
    ['grey', { path: '/b', headers: { edition: 'b' }, query: { fruit: 'fig' } }],
    [
      'blue',
      { path: '/c', query: { fruit: 'plum' } },
      { path: '/d', headers: { edition: 'c' }, query: { fruit: 'sloe' } }
    ],
    ['blue', { path: '/e' }],
    ['green', { query: { fruit: 'lime' } }],
    ['grey', { headers: { edition: 'd' } }]
  ],
  {
    '/?fruit=fig': 'blue',
    '/?fruit=kiwi': 'green',
    '/?fruit=kiwi&size=xl': 'grey',
    '/?FRUIT=Fig': 'grey',
    '/?fruit=fig&more=1': 'blue',
    '/?fruit=kiwi&size=s': 'green',
    '/?size=xl': 'no-route',
    '/?fruit=date': 'no-route',
    '/?fruit=figkiwi': 'no-route',
    '/': 'no-route',
    '/a?fruit=fig': 'blue',
    '/?fruit=fig | edition: a': 'green',
    '/b?fruit=fig | edition: b': 'grey',
    '/c?fruit=plum': 'blue',
    '/d?fruit=sloe | edition: c': 'blue',
    '/?fruit=plum': 'no-route',
    '/d?fruit=sloe': 'no-route',
    '/e?fruit=lime': 'blue',
    '/?fruit=lime | edition: d': 'grey'
  }
)

conforms(
  'HTTPRouteMethodMatching: by method, which ranks below the path and above fields',
  [
    ['blue', { method: 'POST' }],
    ['green', { method: 'GET' }],
    ['blue', { path: '/a', method: 'GET' }],
    ['green', { headers: { edition: 'a' }, method: 'PUT' }],
    ['grey', { path: '/b', headers: { edition: 'b' }, method: 'POST' }],
    ['blue', { path: '/c', method: 'PATCH' }, { path: '/d', headers: { edition: 'c' }, method: 'DELETE' }],
    ['blue', { path: '/e' }],
    ['green', { method: 'PATCH' }],
    ['grey', { headers: { edition: 'd' } }]
  ],
  {
    'POST /': 'blue',
    'GET /': 'green',
    'HEAD /': 'no-route',
    'GET /a': 'blue',
    'PUT / | edition: a': 'green',
    'POST /b | edition: b': 'grey',
    'PATCH /c': 'blue',
    'DELETE /d | edition: c': 'blue',
    'PUT /': 'no-route',
    'DELETE /d': 'no-route',
    'PATCH /e': 'blue',
    'PATCH / | edition: d': 'green'
  }
)

conforms(
  'HTTPRouteExactPathMatching: an exact path is neither a prefix nor without regard to case',
  [
    ['blue', { path: '=/east' }],
    ['green', { path: '=/west' }]
  ],
  {
    '/east': 'blue',
    '/west': 'green',
    '/': 'no-route',
    '/east/page': 'no-route',
    '/west/': 'no-route',
    '/West': 'no-route',
    '/east?q=1': 'blue'
  }
)

conforms(
  'HTTPRoutePathMatchOrder: exact paths before prefixes, longer prefixes before shorter ones',
  [
    ['blue', { path: '=/way' }],
    ['green', { path: '=/way/fixed' }],
    ['grey', { path: '=/way/fixed/a' }],
    ['grey', { path: '/way/' }],
    ['blue', { path: '/way/open/' }],
    ['green', { path: '/way/open/a' }]
  ],
  {
    '/way/fixed/a': 'grey',
    '/way/fixed': 'green',
    '/way': 'blue',
    '/way/open/a/more': 'green',
    '/way/open/more': 'blue',
    '/way/more': 'grey'
  }
)

// A listener's host and a route's meet in what both name: here the route names that.
conforms(
  'HTTPRouteHostnameIntersection: exact hosts, suffixes of one label or more, ports that do not count',
  [
    ['blue', { host: 'one.fixed.example', path: '/s1' }],
    ['green', { host: 'a.wide.example b.wide.example a.b.wide.example', path: '/s2' }],
    ['grey', { host: 'one.fixed.example', path: '/s3' }],
    ['blue', { host: '*.open.example', path: '/s4' }],
    ['green', { host: 'first.example sub.first.example second.example sub.second.example' }]
  ],
  {
    'one.fixed.example/s1': 'blue',
    'one.fixed.example:1234/s1': 'blue',
    'other.example/s1': 'no-route',
    'a.wide.example/s1': 'no-route',
    'one.fixed.example/none': 'no-route',
    'a.wide.example/s2': 'green',
    'b.wide.example/s2': 'green',
    'a.b.wide.example/s2': 'green',
    'a.wide.example:1234/s2': 'green',
    'wide.example/s2': 'no-route',
    'one.fixed.example/s2': 'no-route',
    'a.wide.example/none': 'no-route',
    'one.fixed.example/s3': 'grey',
    'two.fixed.example/s3': 'no-route',
    'a.wide.example/s3': 'no-route',
    'a.open.example/s4': 'blue',
    'b.open.example/s4': 'blue',
    'a.b.open.example/s4': 'blue',
    'open.example/s4': 'no-route',
    'a.wide.example/s4': 'no-route',
    'a.open.example/none': 'no-route',
    'first.example/': 'green',
    'sub.first.example/': 'green',
    'second.example/': 'green',
    'sub.second.example/': 'green',
    'third.example/': 'no-route',
    'sub.third.example/': 'no-route'
  }
)

conforms(
  'HTTPRouteListenerHostnameMatching: an exact host before the suffix that covers it',
  [
    ['blue', { host: 'inn.example' }],
    ['green', { host: 'bar.inn.example' }],
    ['grey', { host: '*.inn.example *.bar.example' }]
  ],
  {
    'inn.example/': 'blue',
    'bar.inn.example/': 'green',
    'spa.inn.example/': 'grey',
    'gym.inn.example/': 'grey',
    'a.b.inn.example/': 'grey',
    'a.b.bar.example/': 'grey',
    'bar.example/': 'no-route',
    'none.test/': 'no-route'
  }
)

t.test(
  'HTTPRouteListenerPortMatching: by the port that the client connected to, not the one that it names',
  async (t) => {
    const table = new RouteTable([
      route('blue', { host: 'inn.example', port: '80' }),
      route('green', { host: 'inn.example bar.example', port: '8080' }),
      route('grey', { host: 'inn.example', port: '8090' })
    ])
    const cases: [line: string, localPort: number, pool: string][] = [
      ['inn.example/', 80, 'blue'],
      ['inn.example:8080/', 8080, 'green'],
      ['bar.example:8080/', 8080, 'green'],
      ['inn.example:8090/', 8090, 'grey'],
      ['bar.example:8090/', 8090, 'no-route'],
      ['inn.example:8090/', 80, 'blue']
    ]
    for (const [line, localPort, pool] of cases)
      t.equal(routed(table, line, { localPort }), pool, `${line} at ${localPort}`)
  }
)
