import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { explain, textOf } from '../../../lib/routing/explain.js'
import { STEP_NAMES } from '../../../lib/routing/paths/every-reading.js'
import { RouteTable } from '../../../lib/routing/route-table.js'
import type { RoutedRequest } from '../../../lib/routing/routed-request.js'
import { ROOT } from '../../support/processes.js'
import { request, route } from '../../support/route-table.js'

const table = new RouteTable([
  route('api', { host: 'shop.example', path: '/api =/api/x' }),
  route('api-post', { host: 'shop.example', path: '/api', method: 'POST' }),
  route('wide', { host: '*.example', path: '/api' }),
  route('tested', { path: '/api', headers: { version: '2' }, query: { test: true } }),
  route('office', { path: '/api', client: '10.0.0.0/8', port: '80 81' }),
  route('inner', { port: '8443' }),
  route('tls', { tls: 'a.example' }),
  route('raw', { path: '=/x/../api', paths: 'raw' }),
  route('rest'),
  route('rest-again')
])

function reasons(line: string, more: Partial<RoutedRequest> = {}): Record<string, string> {
  const { verdicts } = explain(table, request(line, more))
  return Object.fromEntries(
    verdicts.map(({ route, reason }) => [route.name, reason ? textOf(reason) : 'matches'])
  )
}

t.test('each route has its reason', async (t) => {
  t.same(reasons('shop.example/api/v1'), {
    api: 'matches',
    'api-post': 'the method is none of its',
    wide: 'api comes first: its host is more specific',
    tested: 'the field version is not what it asks for',
    office: 'the client is none of its',
    inner: 'the port is none of its',
    tls: 'the TLS name is none of its',
    raw: 'the path is none of its',
    rest: 'api comes first: its host is more specific',
    'rest-again': 'api comes first: its host is more specific'
  })
  t.same(reasons('/other'), {
    api: 'the host is none of its',
    'api-post': 'the host is none of its',
    wide: 'the host is none of its',
    tested: 'the path is none of its',
    office: 'the path is none of its',
    inner: 'the port is none of its',
    tls: 'the TLS name is none of its',
    raw: 'the path is none of its',
    rest: 'matches',
    'rest-again': 'rest comes first: it stands before'
  })
})

t.test('each criterion has its words', async (t) => {
  const pick = (route: string, line: string, more?: Partial<RoutedRequest>) => reasons(line, more)[route]
  const version = { headers: { version: '2' } }
  t.equal(pick('api', 'POST shop.example/api'), 'api-post comes first: it asks for a method')
  t.equal(pick('api-post', 'POST shop.example/api/x'), 'api comes first: its path is more specific')
  t.equal(pick('tested', '/api', version), 'the query parameter test is not what it asks for')
  t.equal(
    pick('office', '/api?test', { ...version, clientAddress: '10.0.0.1' }),
    'tested comes first: it asks for more fields'
  )
  t.equal(pick('rest', '/', { tlsName: 'a.example' }), 'tls comes first: its TLS name is more specific')
  t.equal(
    pick('tls', '/', { tlsName: 'a.example', localPort: 8443 }),
    'inner comes first: it asks for the port'
  )
  const two = new RouteTable([
    route('none', { path: '/a' }),
    route('query', { path: '/a', query: { q: true } }),
    route('client', { path: '/a', client: '192.0.2.0/24' })
  ])
  const words = (line: string) =>
    explain(two, request(line)).verdicts.map(({ reason }) => reason && textOf(reason))
  t.same(words('/a?q'), [
    'query comes first: it asks for more query parameters',
    undefined,
    'query comes first: it asks for more query parameters'
  ])
  t.same(words('/a').slice(0, 1), ['client comes first: it asks for the client'])
})

t.test('the element of a list that fits is named', async (t) => {
  const pathFor = (line: string) => explain(table, request(line)).verdicts[0]!.path
  t.same(pathFor('shop.example/api/x'), { kind: 'exact', path: '/api/x' })
  t.same(pathFor('shop.example/api/y'), { kind: 'prefix', path: '/api' })
  t.equal(pathFor('shop.example/'), undefined)
})

t.test('the readings of an ambiguous path are listed, with the route of each', async (t) => {
  const { routing, path, readings, hasAllReadings } = explain(table, request('shop.example/x/..%2Fapi/%7Ey'))
  t.equal(routing, 'ambiguous-path')
  t.equal(path, '/x/..%2Fapi/~y')
  t.ok(hasAllReadings)
  t.same(readings, [
    { path: '/x/..%2Fapi/~y', steps: [], route: 'rest' },
    { path: '/x/../api/~y', steps: ['decoded'], route: 'rest' },
    { path: '/api/~y', steps: ['decoded', 'dot segments removed'], route: 'api' }
  ])
})

t.test('readings that agree are listed as well, and none of a path that has only one', async (t) => {
  const agreed = explain(table, request('/y//z'))
  t.type(agreed.routing, 'object')
  t.same(
    agreed.readings.map(({ path }) => path),
    ['/y//z', '/y/z']
  )
  t.same(explain(table, request('/y/z')).readings, [])
  t.same(explain(table, request('/x/../api')).readings, [], 'a raw route')
})

t.test('a path with too many readings is refused, and that is said', async (t) => {
  const { routing, readings, hasAllReadings } = explain(
    table,
    request(`/${'a;b/..%2f%5c.%252e\\/'.repeat(400)}`)
  )
  t.equal(routing, 'ambiguous-path')
  t.notOk(hasAllReadings)
  t.ok(readings.length > 0)
})

t.test('the documentation names each step to a reading', async (t) => {
  const page = readFileSync(path.join(ROOT, 'docs', 'security.md'), 'utf8')
  const rows = [...page.matchAll(/^\| ([a-z ,]+?) +\| `\//gm)].map(([, name]) => name)
  t.same(rows, ['none', ...STEP_NAMES])
})
