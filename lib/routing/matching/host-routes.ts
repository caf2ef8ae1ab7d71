import type { HostMatch, RouteOptions } from '../options.js'
import { type Candidate, candidatesOf, isEveryPath } from './candidate.js'
import { HostMap, hostMatchOf, isWildcard } from './hosts.js'
import { PathTree, type Ranked, rankedOf } from './path-tree.js'
import type { RequestReader } from './request-reader.js'

/** What the routes of one condition on the host are matched in. */
class HostRoutes<C extends Candidate> {
  readonly #tree: PathTree<C>
  /** Those that match what the client sent as it is. */
  readonly #raw: PathTree<C> | undefined
  readonly asksForPath: boolean

  constructor(candidates: readonly C[]) {
    this.asksForPath = candidates.some(({ path }) => !isEveryPath(path))
    const ranked = rankedOf(candidates)
    const raw = ranked.filter(({ candidate }) => candidate.route.paths === 'raw')
    this.#tree = new PathTree(ranked.filter(({ candidate }) => candidate.route.paths !== 'raw'))
    this.#raw = raw.length > 0 ? new PathTree(raw) : undefined
  }

  find(path: string, rawPath: string, reader: RequestReader): Ranked<C> | undefined {
    const found = this.#tree.find(path, reader)
    const raw = this.#raw?.find(rawPath, reader)
    return raw && (!found || raw.rank < found.rank) ? raw : found
  }
}

/** The routes for a host: those of the most specific condition on it first, those that ask for none last. */
export class RoutesOfHost<C extends Candidate = Candidate> {
  readonly #levels: readonly HostRoutes<C>[]
  /** Whether some route asks for a path. */
  readonly asksForPath: boolean

  constructor(levels: readonly HostRoutes<C>[]) {
    this.#levels = levels
    this.asksForPath = levels.some((level) => level.asksForPath)
  }

  /**
   * The first candidate for a request. Where none of the most specific host fits, the next one is asked: Gateway API
   * speaks of precedence among all routes whose host matches, not of hosts that hide others.
   * @param path a reading of its path
   * @param rawPath its path as it was sent
   */
  find(path: string, rawPath: string, reader: RequestReader): C | undefined {
    for (const level of this.#levels) {
      const found = level.find(path, rawPath, reader)
      if (found) return found.candidate
    }
    return undefined
  }
}

/** The routes of a table by their hosts. */
export function routesByHost<Route extends RouteOptions>(
  routes: readonly Route[]
): HostMap<RoutesOfHost<Candidate<Route>>> {
  const indexesOf = new Map<HostMatch | undefined, number[]>([[undefined, []]])
  for (const [index, { match }] of routes.entries()) {
    const hosts = match.hosts.length > 0 ? new Set(match.hosts.map(hostMatchOf)) : [undefined]
    for (const host of hosts) indexesOf.set(host, [...(indexesOf.get(host) ?? []), index])
  }
  const levels = new Map<string, HostRoutes<Candidate<Route>>>()
  const levelOf = (host: HostMatch | undefined) => {
    const indexes = indexesOf.get(host)
    if (!indexes || indexes.length === 0) return []
    // Hosts that have the same routes share what these are compiled to.
    const key = indexes.join()
    const level =
      levels.get(key) ?? new HostRoutes(indexes.flatMap((index) => candidatesOf(routes[index]!, index)))
    levels.set(key, level)
    return [level]
  }
  const values = new Map<HostMatch, RoutesOfHost<Candidate<Route>>>()
  for (const host of indexesOf.keys())
    if (host !== undefined)
      values.set(host, new RoutesOfHost([host, ...widerThan(host), undefined].flatMap(levelOf)))
  return new HostMap(values, new RoutesOfHost(levelOf(undefined)))
}

/** The conditions that a host meets as well, the longest suffix first. */
function widerThan(host: HostMatch): HostMatch[] {
  const labels = (isWildcard(host) ? host.slice(2) : host).split('.')
  return labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`)
}
