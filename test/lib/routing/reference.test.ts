import t from 'tap'
import { explain } from '../../../lib/routing/explain.js'
import type { NamedMatch, PathMatch, RouteOptions } from '../../../lib/routing/options.js'
import { everyReading } from '../../../lib/routing/paths/every-reading.js'
import { normalForm, withNormalEncoding } from '../../../lib/routing/paths/normal-form.js'
import { RouteTable } from '../../../lib/routing/route-table.js'
import type { RoutedRequest } from '../../../lib/routing/routed-request.js'
import { seededRandom } from '../../support/random.js'
import { type Conditions, request, route } from '../../support/route-table.js'

const SEED = 20_261_130
const TABLES = 100
const REQUESTS = 60

const random = seededRandom(SEED)
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
const several = (from: readonly string[], most: number) =>
  [...new Set(Array.from({ length: 1 + Math.floor(random() * most) }, () => pick(from)))].join(' ')
const sometimes = <T>(share: number, value: () => T): T | undefined =>
  random() < share ? value() : undefined

const HOSTS = ['a.example', 'b.example', '*.example', '*.a.example', 'x.a.example', 'c.test']
const PATHS = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/b',
  '/a/b/c',
  '=/a',
  '=/a/',
  '=/a/b',
  '=/',
  '~^/a',
  '~b$',
  '~^/a/b/?$',
  '/@a'
]
const TARGETS = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/a/b/',
  '/a/b/c',
  '/ab',
  '/b',
  '/c',
  '/a/x',
  '/a//b',
  '/x/../a',
  '/a;v/b',
  '/%61/b',
  '/a%2Fb',
  '/%40a',
  '*',
  '/a/..',
  '/a/b/..%2f'
]

function randomRoute(index: number): RouteOptions {
  const value = () => pick(['1', '2', true] as const)
  const conditions: Conditions = {
    host: sometimes(0.6, () => several(HOSTS, 2)) ?? '',
    path: sometimes(0.7, () => several(PATHS, 3)) ?? '',
    method: sometimes(0.2, () => several(['GET', 'POST'], 2)) ?? '',
    headers:
      sometimes(0.3, () => ({ [pick(['h', 'i'])]: value(), ...sometimes(0.3, () => ({ j: value() })) })) ??
      {},
    query: sometimes(0.3, () => ({ [pick(['q', 'r'])]: value() })) ?? {},
    client: sometimes(0.1, () => '10.0.0.0/8') ?? '',
    port: sometimes(0.1, () => '81') ?? '',
    tls: sometimes(0.2, () => several(['a.example', '*.example'], 2)) ?? '',
    paths: sometimes(0.2, () => pick(['lenient', 'raw'] as const)) ?? 'strict'
  }
  return route(`r${index}`, conditions)
}

function randomRequest(): RoutedRequest {
  const host = pick(['a.example', 'b.example', 'x.a.example', 'y.x.a.example', 'c.test', 'd.test', ''])
  const query = pick(['', '?q=1', '?q=2&r=1', '?r', '?q=1&q=2'])
  const headers = {
    ...sometimes(0.5, () => ({ h: pick(['1', '2']) })),
    ...sometimes(0.3, () => ({ i: '1', j: '2' }))
  }
  return request(`${pick(['GET', 'POST', 'PUT'])} ${host}${pick(TARGETS)}${query}`, {
    headers,
    clientAddress: pick(['10.1.1.1', '192.0.2.1']),
    localPort: pick([80, 81]),
    tlsName: pick([undefined, 'a.example', 'b.example'])
  })
}

/** The rank of a route for a request whose path is read in one way: compared number by number. Undefined if it does not fit. */
function rankOf({ match, paths }: RouteOptions, index: number, request: RoutedRequest, reading: string) {
  const [rawPath = '', query] = request.target.split('?')
  const path = paths === 'raw' ? rawPath : reading
  const best = (found: (number | undefined)[]) => Math.max(...found.map((weight) => weight ?? -1))
  const host = best(listOf(match.hosts).map((asked) => hostWeight(asked, request.host)))
  const ofPath = best(listOf(match.paths).map((asked) => pathWeight(asked, path)))
  const tlsName = best(listOf(match.tlsNames).map((asked) => hostWeight(asked, request.tlsName)))
  const parameters = new URLSearchParams(query)
  const isMet =
    (match.methods.length === 0 || match.methods.includes(request.method)) &&
    match.headers.every((asked) => fits(asked, request.headers[asked.name] as string | undefined)) &&
    match.query.every((asked) => fits(asked, parameters.get(asked.name) ?? undefined)) &&
    (match.clients?.check(request.clientAddress) ?? true) &&
    (match.ports.length === 0 || match.ports.includes(request.localPort))
  if (!isMet || host < 0 || ofPath < 0 || tlsName < 0) return undefined
  const { methods, headers, query: asked, clients, ports } = match
  return [
    host,
    ofPath,
    Number(methods.length > 0),
    headers.length,
    asked.length,
    clients ? 1 : 0,
    ports.length,
    tlsName,
    -index
  ]
}

const listOf = <T>(list: readonly T[]): readonly (T | undefined)[] => (list.length > 0 ? list : [undefined])

const fits = ({ anyOf }: NamedMatch, value: string | undefined) =>
  value !== undefined && anyOf.some((asked) => asked === true || asked === value)

function hostWeight(asked: string | undefined, host: string | undefined): number | undefined {
  if (asked === undefined) return 0
  if (asked === host) return 1000
  const suffix = asked.replace('*', '')
  return asked !== suffix && host?.endsWith(suffix) && host !== suffix ? suffix.length : undefined
}

function pathWeight(asked: PathMatch | undefined, path: string): number | undefined {
  if (asked === undefined || (asked.kind === 'prefix' && asked.path === '/')) return 0
  if (path === '*') return undefined
  if (asked.kind === 'regexp') return asked.pattern.test(path) ? 1 : undefined
  if (asked.kind === 'exact') return asked.path === path ? 1000 : undefined
  const segments = asked.path.split('/').filter(Boolean)
  const isBelow = segments.every((segment, index) => path.split('/')[index + 1] === segment)
  return isBelow ? segments.join('/').length + 1 : undefined
}

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((weight, index) => weight !== other[index])
  return at === -1 ? 0 : other[at]! - one[at]!
}

/** Every route is looked at, and the one with the highest rank is taken. */
function naive(routes: readonly RouteOptions[], request: RoutedRequest): string {
  const [path = ''] = request.target.split('?')
  const first = (reading: string) =>
    routes
      .map((route, index) => ({ route, rank: rankOf(route, index, request, reading) }))
      .filter((found): found is { route: RouteOptions; rank: number[] } => found.rank !== undefined)
      .sort((one, other) => compare(one.rank, other.rank))[0]?.route
  const found = first(normalForm(path))
  if ((found?.paths ?? 'strict') === 'strict') {
    const agree = everyReading(withNormalEncoding(path), (reading) => first(reading.path) === found)
    if (!agree) return 'ambiguous-path'
  }
  return found?.name ?? 'no-route'
}

t.test(
  'a table finds what a search through all routes finds, and the explanation says the same',
  async (t) => {
    const outcomes = new Map<string, number>()
    for (let round = 0; round < TABLES; round++) {
      const routes = Array.from({ length: 1 + Math.floor(random() * 20) }, (_, index) => randomRoute(index))
      const table = new RouteTable(routes)
      for (let count = 0; count < REQUESTS; count++) {
        const asked = randomRequest()
        const routing = table.match(asked)
        const found = typeof routing === 'string' ? routing : routing.route.name
        const outcome = typeof routing === 'string' ? routing : 'route'
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        const expected = naive(routes, asked)
        const explained =
          explain(table, asked).verdicts.find(({ reason }) => !reason)?.route.name ?? 'no-route'
        if (found !== expected || (found !== 'ambiguous-path' && explained !== found))
          t.fail(`table ${round}: ${found}, explained ${explained}, expected ${expected}`, { asked, routes })
      }
    }
    // A comparison of nothing would agree as well.
    for (const outcome of ['route', 'no-route', 'ambiguous-path'])
      t.ok((outcomes.get(outcome) ?? 0) > 300, outcome)
  }
)
