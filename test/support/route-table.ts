import { BlockList } from 'node:net'
import type { PathMatch, RouteMatch, RouteOptions, TextMatch } from '../../lib/routing/options.js'
import { compilePattern } from '../../lib/routing/pattern.js'
import type { RouteTable } from '../../lib/routing/route-table.js'
import type { RoutedRequest } from '../../lib/routing/routed-request.js'
import { routeWith } from './routes.js'

type Values = Readonly<Record<string, TextMatch | readonly TextMatch[]>>

/** Conditions of a route, in short. */
export interface Conditions {
  /** Separated by blanks. */
  readonly host?: string
  /** Separated by blanks: `=/exact`, `/prefix`, `~regexp`. */
  readonly path?: string
  readonly method?: string
  readonly headers?: Values
  readonly query?: Values
  /** Ranges of IPv4. */
  readonly client?: string
  readonly port?: string
  readonly tls?: string
  readonly paths?: RouteOptions['paths']
}

const wordsOf = (text = '') => text.split(' ').filter(Boolean)

export function pathMatch(text: string): PathMatch {
  if (text.startsWith('=')) return { kind: 'exact', path: text.slice(1) }
  if (text.startsWith('~')) return { kind: 'regexp', pattern: compilePattern(text.slice(1)) }
  return { kind: 'prefix', path: text }
}

const named = (values: Values = {}) =>
  Object.entries(values).map(([name, value]) => ({ name, anyOf: [value].flat() as TextMatch[] }))

function blockList(ranges: readonly string[]): BlockList | undefined {
  if (ranges.length === 0) return undefined
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits = '32'] = range.split('/')
    list.addSubnet(address, Number(bits), 'ipv4')
  }
  return list
}

export function route(name: string, conditions: Conditions = {}): RouteOptions {
  const match: RouteMatch = {
    hosts: wordsOf(conditions.host),
    paths: wordsOf(conditions.path).map(pathMatch),
    methods: wordsOf(conditions.method),
    headers: named(conditions.headers),
    query: named(conditions.query),
    clients: blockList(wordsOf(conditions.client)),
    ports: wordsOf(conditions.port).map(Number),
    tlsNames: wordsOf(conditions.tls)
  }
  return {
    ...routeWith({}),
    name,
    match,
    paths: conditions.paths ?? 'strict',
    action: { kind: 'pool', pool: name }
  }
}

/** A request by its first line, as in `GET app.example/path?query`: method and host may be left out. */
export function request(line: string, more: Partial<RoutedRequest> = {}): RoutedRequest {
  const [, method = 'GET', host, target = '/'] = /^(?:([A-Z]+) )?([^/*]*)([/*].*)?$/.exec(line) ?? []
  return {
    method,
    target,
    host: host || undefined,
    headers: {},
    clientAddress: '192.0.2.1',
    localPort: 80,
    tlsName: undefined,
    ...more
  }
}

/** The name of the route of a request, or why it has none. */
export function routed(table: RouteTable, line: string, more?: Partial<RoutedRequest>): string {
  const routing = table.match(request(line, more))
  return typeof routing === 'string' ? routing : routing.route.name
}
