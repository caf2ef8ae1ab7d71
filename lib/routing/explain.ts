import {
  type Candidate,
  type Criterion,
  candidatesOf,
  compareCandidates,
  decidingCriterion,
  hostWeight,
  isEveryPath,
  prefixOf
} from './matching/candidate.js'
import type { Unmet } from './matching/conditions.js'
import { hostFits, hostMatchOf, hostOf } from './matching/hosts.js'
import { RequestReader } from './matching/request-reader.js'
import type { PathMatch, RouteOptions } from './options.js'
import { everyReading, isAmbiguous, type Reading } from './paths/every-reading.js'
import { normalForm, pathOf, withNormalEncoding } from './paths/normal-form.js'
import type { RouteTable, Routing } from './route-table.js'
import type { RoutedRequest } from './routed-request.js'

/** Why a route is not that of a request. */
export type Reason = Unmet | { readonly condition: 'host' | 'path' } | Outranked

/** All conditions are met, but those of another route as well, which comes first. */
export interface Outranked {
  readonly condition: undefined
  /** The name of the other route. */
  readonly by: string
  readonly criterion: 'host' | Criterion
}

/** What is to be said of a route. */
export interface Verdict<Route extends RouteOptions = RouteOptions> {
  readonly route: Route
  readonly index: number
  /** The element of its paths that fits; undefined if none does, or it has none. */
  readonly path: PathMatch | undefined
  /** Undefined for the route that is first. */
  readonly reason: Reason | undefined
}

/** A reading of the path, and the route that it would have. */
export interface ReadingVerdict {
  readonly path: string
  /** What was done to the path as it was sent, in order: words of docs/security.md. */
  readonly steps: readonly string[]
  /** The name of the route; undefined if it is none. */
  readonly route: string | undefined
}

/** How a request is matched. */
export interface Explanation<Route extends RouteOptions = RouteOptions> {
  readonly routing: Routing<Route>
  /** The path in which routes are matched, but those that read it raw. */
  readonly path: string
  /** For each route, by its normal form, in the order of the table. Of an ambiguous path none is the route in the end. */
  readonly verdicts: readonly Verdict<Route>[]
  /** The readings of an ambiguous path, unless its route is lenient or raw. */
  readonly readings: readonly ReadingVerdict[]
  /** Whether these are all; a path with too many is refused. */
  readonly hasAllReadings: boolean
}

/**
 * Says of each route of a table why a request is for it or not. It looks at every condition of every route, without what
 * the table is compiled to.
 */
export function explain<Route extends RouteOptions>(
  table: RouteTable<Route>,
  request: RoutedRequest
): Explanation<Route> {
  const raw = pathOf(request.target)
  const encoded = withNormalEncoding(raw)
  const explainer = new Explainer(table.routes, request)
  const { first, verdicts } = explainer.read(normalForm(raw))
  const readings: ReadingVerdict[] = []
  const hasReadings = (first?.route.paths ?? 'strict') === 'strict' && isAmbiguous(encoded)
  const isComplete =
    !hasReadings ||
    everyReading(encoded, (reading) => {
      const route = explainer.read(reading.path).first?.route.name
      readings.push({ path: reading.path, steps: stepsOf(reading), route })
      return true
    })
  return {
    routing: table.match(request),
    path: normalForm(raw),
    verdicts,
    readings,
    hasAllReadings: isComplete
  }
}

function stepsOf(reading: Reading): string[] {
  return reading.from ? [...stepsOf(reading.from), reading.step!] : []
}

/** A candidate that fits, and how specific its condition on the host is. */
interface Fitting<Route extends RouteOptions> {
  readonly candidate: Candidate<Route>
  readonly hostWeight: number
}

class Explainer<Route extends RouteOptions> {
  readonly #routes: readonly Route[]
  /** Of each route, in their order. */
  readonly #candidates: readonly (readonly Candidate<Route>[])[]
  readonly #reader: RequestReader
  readonly #host: string
  readonly #rawPath: string

  constructor(routes: readonly Route[], request: RoutedRequest) {
    this.#routes = routes
    this.#candidates = routes.map((route, index) => candidatesOf(route, index).sort(compareCandidates))
    this.#reader = new RequestReader(request)
    this.#host = hostOf(request.host ?? '')
    this.#rawPath = pathOf(request.target)
  }

  /** Which route is first if the path is read as this, and why the others are not. */
  read(path: string): { first: Candidate<Route> | undefined; verdicts: Verdict<Route>[] } {
    const found = this.#routes.map((route, index) => this.#try(route, index, path))
    const fitting = found.filter((one): one is Fitting<Route> => 'candidate' in one).sort(compareFitting)
    const [first] = fitting
    const verdicts = found.map((one, index): Verdict<Route> => {
      const route = this.#routes[index]!
      if (!('candidate' in one)) return { route, index, path: undefined, reason: one }
      return {
        route,
        index,
        path: one.candidate.path,
        reason: one === first ? undefined : outranked(first!, one)
      }
    })
    return { first: first?.candidate, verdicts }
  }

  /** The first candidate of a route that fits, or what is not met. */
  #try(route: Route, index: number, path: string): Fitting<Route> | Reason {
    const { hosts } = route.match
    const fittingHosts = hosts.map(hostMatchOf).filter((host) => hostFits(host, this.#host))
    if (hosts.length > 0 && fittingHosts.length === 0) return { condition: 'host' }
    const read = route.paths === 'raw' ? this.#rawPath : path
    const onPath = this.#candidates[index]!.filter((candidate) => pathFits(candidate.path, read))
    if (onPath.length === 0) return { condition: 'path' }
    const candidate = onPath.find(({ conditions }) => !conditions?.unmetBy(this.#reader))
    if (!candidate) return onPath[0]!.conditions!.unmetBy(this.#reader)!
    return { candidate, hostWeight: Math.max(0, ...fittingHosts.map(hostWeight)) }
  }
}

function compareFitting<Route extends RouteOptions>(one: Fitting<Route>, other: Fitting<Route>): number {
  return other.hostWeight - one.hostWeight || compareCandidates(one.candidate, other.candidate)
}

function outranked<Route extends RouteOptions>(first: Fitting<Route>, other: Fitting<Route>): Outranked {
  const criterion =
    first.hostWeight === other.hostWeight ? decidingCriterion(first.candidate, other.candidate) : 'host'
  return { condition: undefined, by: first.candidate.route.name, criterion }
}

function pathFits(match: PathMatch | undefined, path: string): boolean {
  if (match === undefined || isEveryPath(match)) return true
  if (!path.startsWith('/')) return false
  if (match.kind === 'exact') return path === match.path
  return match.kind === 'regexp' ? match.pattern.test(path) : `${path}/`.startsWith(`${prefixOf(match)}/`)
}

const CRITERION_TEXTS: Readonly<Record<Outranked['criterion'], string>> = {
  host: 'its host is more specific',
  path: 'its path is more specific',
  method: 'it asks for a method',
  headers: 'it asks for more fields',
  query: 'it asks for more query parameters',
  client: 'it asks for the client',
  port: 'it asks for the port',
  'tls-name': 'its TLS name is more specific',
  order: 'it stands before'
}

/** A reason in words. */
export function textOf(reason: Reason): string {
  switch (reason.condition) {
    case undefined:
      return `${reason.by} comes first: ${CRITERION_TEXTS[reason.criterion]}`
    case 'header':
      return `the field ${reason.name} is not what it asks for`
    case 'query':
      return `the query parameter ${reason.name} is not what it asks for`
    case 'tls-name':
      return 'the TLS name is none of its'
    default:
      return `the ${reason.condition} is none of its`
  }
}
