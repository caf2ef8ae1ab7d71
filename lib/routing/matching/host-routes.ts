import type { HostMatch, RouteOptions } from '../options.js'
import { type Candidate, candidatesOf, hostWeight, isEveryPath, ranked } from './candidate.js'
import { HostMap, hostMatchOf, isWildcard } from './hosts.js'
import { PathNodes } from './path-nodes.js'
import { PathTree } from './path-tree.js'
import type { RequestReader } from './request-reader.js'

/** What the routes of one condition on the host are matched in. */
interface Trees<C extends Candidate> {
  readonly tree: PathTree<C>
  /** Those that match what the client sent as it is. */
  readonly raw: PathTree<C> | undefined
  readonly asksForPath: boolean
}

function treesOf<C extends Candidate>(candidates: readonly C[], nodes: PathNodes<C>): Trees<C> {
  const sorted = ranked(candidates)
  const raw = sorted.filter(({ route }) => route.paths === 'raw')
  return {
    tree: new PathTree(
      sorted.filter(({ route }) => route.paths !== 'raw'),
      nodes
    ),
    raw: raw.length > 0 ? new PathTree(raw, nodes) : undefined,
    asksForPath: candidates.some(({ path }) => !isEveryPath(path))
  }
}

/** The routes for a host: those of one condition on it, then those of less specific ones. */
export class RoutesOfHost<C extends Candidate = Candidate> {
  readonly #tree: PathTree<C>
  readonly #raw: PathTree<C> | undefined
  readonly #lessSpecific: RoutesOfHost<C> | undefined
  /** Whether some route asks for a path. */
  readonly asksForPath: boolean

  constructor({ tree, raw, asksForPath }: Trees<C>, lessSpecific: RoutesOfHost<C> | undefined) {
    this.#tree = tree
    this.#raw = raw
    this.#lessSpecific = lessSpecific
    this.asksForPath = asksForPath || lessSpecific?.asksForPath === true
  }

  /**
   * The first candidate for a request. Where none of the most specific host fits, the next one is asked: Gateway API
   * speaks of precedence among all routes whose host matches, not of hosts that hide others.
   * @param path a reading of its path
   * @param rawPath its path as it was sent
   */
  find(path: string, rawPath: string, reader: RequestReader): C | undefined {
    const found = this.#tree.find(path, reader)
    const raw = this.#raw?.find(rawPath, reader)
    const first = raw && (!found || raw.rank < found.rank) ? raw : found
    return first ?? this.#lessSpecific?.find(path, rawPath, reader)
  }
}

/** The routes of a table by their hosts. */
export function routesByHost<Route extends RouteOptions>(
  routes: readonly Route[]
): HostMap<RoutesOfHost<Candidate<Route>>> {
  const everywhere: number[] = []
  const indexesOf = new Map<HostMatch, number[]>()
  for (const [index, { match }] of routes.entries()) {
    if (match.hosts.length === 0) everywhere.push(index)
    for (const host of new Set(match.hosts.map(hostMatchOf))) {
      const indexes = indexesOf.get(host)
      if (indexes) indexes.push(index)
      else indexesOf.set(host, [index])
    }
  }
  const nodes = new PathNodes<Candidate<Route>>()
  const compiled = new Map<string, Trees<Candidate<Route>>>()
  // Hosts that have the same routes share what these are compiled to.
  const compile = (indexes: readonly number[]) => {
    const key = indexes.join()
    const trees =
      compiled.get(key) ??
      treesOf(
        indexes.flatMap((index) => candidatesOf(routes[index]!, index)),
        nodes
      )
    compiled.set(key, trees)
    return trees
  }
  const others = new RoutesOfHost(compile(everywhere), undefined)
  const values = new Map<HostMatch, RoutesOfHost<Candidate<Route>>>()
  // A suffix stands before all that are longer, and before the hosts that it covers.
  for (const host of [...indexesOf.keys()].sort((one, other) => hostWeight(one) - hostWeight(other))) {
    const wider = widerThan(host).find((suffix) => values.has(suffix))
    const lessSpecific = wider === undefined ? others : values.get(wider)
    values.set(host, new RoutesOfHost(compile(indexesOf.get(host)!), lessSpecific))
  }
  return new HostMap(values, others)
}

/** The conditions that a host meets as well, the longest suffix first. */
function widerThan(host: HostMatch): HostMatch[] {
  const labels = (isWildcard(host) ? host.slice(2) : host).split('.')
  return labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`)
}
