import type { HostMatch, PathMatch, RouteOptions } from '../options.js'
import { Conditions } from './conditions.js'
import { isWildcard } from './hosts.js'

/**
 * A way in which a route may match: by one of its paths, and by one of its TLS names. A list of them ranks by the element
 * that matched, so that each is a candidate of its own.
 */
export interface Candidate<Route extends RouteOptions = RouteOptions> {
  readonly route: Route
  /** The place of the route in the table, from 0. */
  readonly index: number
  /** The condition on the path that it matches by; undefined for a route without any. */
  readonly path: PathMatch | undefined
  readonly tlsName: HostMatch | undefined
  /** Undefined if there are none besides those on host and path. */
  readonly conditions: Conditions | undefined
  /** The place among all that share a host, once they are sorted: the smaller comes first. */
  rank: number
  /** The next one of the same path, by rank. */
  next: Candidate<Route> | undefined
}

/** Heavier than any prefix or suffix. */
const EXACT = Number.MAX_SAFE_INTEGER

/** What decides between two candidates of the same host, in this order; last the order of the routes. */
export type Criterion = 'path' | 'method' | 'headers' | 'query' | 'client' | 'port' | 'tls-name' | 'order'

/**
 * Larger is first. This is the precedence of Gateway API's HTTPRoute (v1), which leaves the rank of regular expressions
 * and all conditions that it does not know to us.
 */
const CRITERIA: readonly (readonly [criterion: Criterion, weight: (candidate: Candidate) => number])[] = [
  ['path', ({ path }) => pathWeight(path)],
  ['method', ({ route }) => Math.min(route.match.methods.length, 1)],
  ['headers', ({ route }) => route.match.headers.length],
  ['query', ({ route }) => route.match.query.length],
  ['client', ({ route }) => (route.match.clients ? 1 : 0)],
  ['port', ({ route }) => Math.min(route.match.ports.length, 1)],
  ['tls-name', ({ tlsName }) => hostWeight(tlsName)],
  ['order', ({ index }) => -index]
]

/** All ways in which a route may match. */
export function candidatesOf<Route extends RouteOptions>(route: Route, index: number): Candidate<Route>[] {
  const { match } = route
  const paths = match.paths.length > 0 ? match.paths : [undefined]
  const tlsNames = match.tlsNames.length > 0 ? match.tlsNames : [undefined]
  return tlsNames.flatMap((tlsName) => {
    const conditions = new Conditions(match, tlsName)
    return paths.map((path) => ({
      route,
      index,
      path,
      tlsName,
      conditions: conditions.isEmpty ? undefined : conditions,
      rank: 0,
      next: undefined
    }))
  })
}

/** The order of candidates of the same host, for `sort()`. */
export function compareCandidates(one: Candidate, other: Candidate): number {
  for (const [, weight] of CRITERIA) {
    const difference = weight(other) - weight(one)
    if (difference !== 0) return difference
  }
  return 0
}

/** Sorts the candidates of a host, and gives each its rank. */
export function ranked<C extends Candidate>(candidates: readonly C[]): C[] {
  const sorted = candidates.toSorted(compareCandidates)
  for (const [rank, candidate] of sorted.entries()) candidate.rank = rank
  return sorted
}

/** By what a candidate comes before another one of the same host. */
export function decidingCriterion(first: Candidate, second: Candidate): Criterion {
  return CRITERIA.find(([, weight]) => weight(first) !== weight(second))?.[0] ?? 'order'
}

/** A prefix without the `/` at its end, which says nothing: empty for all paths. */
export function prefixOf(path: PathMatch | undefined): string {
  return path?.kind === 'prefix' ? path.path.replace(/\/+$/, '') : ''
}

/** Whether all paths match. */
export function isEveryPath(path: PathMatch | undefined): boolean {
  return path === undefined || (path.kind === 'prefix' && prefixOf(path) === '')
}

/**
 * Exact paths first, then prefixes by their length, then regular expressions. Every path at last: the prefix `/` asks no
 * more than no condition does, and before a regular expression it would leave nothing to it.
 */
function pathWeight(path: PathMatch | undefined): number {
  if (path?.kind === 'exact') return EXACT
  if (path?.kind === 'regexp') return 1
  const { length } = prefixOf(path)
  return length === 0 ? 0 : length + 1
}

/** Exact hosts first, then suffixes by their length, then none. */
export function hostWeight(host: HostMatch | undefined): number {
  if (host === undefined) return 0
  return isWildcard(host) ? host.length : EXACT
}
