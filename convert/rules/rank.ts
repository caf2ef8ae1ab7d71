import {
  type Conditions,
  hostFits,
  isEveryPath,
  isSame,
  type PathCondition,
  pathCovers
} from './conditions.js'
import { isOfOtherSite, type Rule } from './rule.js'

/** Heavier than any suffix or prefix. */
const EXACT = 1_000_000

/** Conditions with one host and one path at most: what the precedence of routes ranks. */
export interface Single {
  readonly host: string | undefined
  readonly path: PathCondition | undefined
  readonly when: Conditions
  /** As the Gateway API has it: host, path, method, number of headers, of query parameters, then the client. */
  readonly rank: readonly number[]
}

/** Each is asked for many times. */
const known = new WeakMap<Conditions, readonly Single[]>()

/** Conditions, each with one host and one path of theirs. */
export function singles(when: Conditions): readonly Single[] {
  const before = known.get(when)
  if (before) return before
  const hosts = when.hosts.length > 0 ? when.hosts : [undefined]
  const paths = when.paths.length > 0 ? when.paths : [undefined]
  const found = hosts.flatMap((host) =>
    paths.map((path) => ({
      host,
      path,
      when: { ...when, hosts: host ? [host] : [], paths: path ? [path] : [] },
      rank: [
        hostRank(host),
        pathRank(path),
        Math.min(when.methods.length, 1),
        when.headers.length,
        when.query.length,
        Math.min(when.clients.length, 1)
      ]
    }))
  )
  known.set(when, found)
  return found
}

function hostRank(host: string | undefined): number {
  if (host === undefined) return 0
  return host.startsWith('*.') ? host.length : EXACT
}

function pathRank(path: PathCondition | undefined): number {
  if (path === undefined || isEveryPath(path)) return 0
  if (path.kind === 'exact') return EXACT
  return path.kind === 'below' ? 1 + path.path.length : 1
}

/** For `sort()`: the one that is taken first comes first. */
export function compareRanks(one: Single, other: Single): number {
  // By its index, as all pairs of thousands may be compared.
  for (let index = 0; index < one.rank.length; index++) {
    const difference = other.rank[index]! - one.rank[index]!
    if (difference !== 0) return difference
  }
  return 0
}

/** Whether the precedence of routes has one before another, or leaves it to the order of the file. */
export function isAtLeast(one: Single, other: Single): boolean {
  return compareRanks(one, other) <= 0
}

/** Whether a rule takes every request that another one would, if it is asked first. */
export function covers(first: Rule, second: Rule): boolean {
  const [outer, inner] = [first.when, second.when]
  const list = <T>(a: readonly T[], b: readonly T[], fits: (a: T, b: T) => boolean) =>
    a.length === 0 || (b.length > 0 && b.every((x) => a.some((y) => fits(y, x))))
  const hosts = isOfOtherSite(first, second)
    ? outer.hosts.length > 0 === inner.hosts.length > 0 && list(outer.hosts, inner.hosts, isSame)
    : list(outer.hosts, inner.hosts, (a, b) => hostFits(b, a))
  return (
    hosts &&
    (outer.paths.some(isEveryPath) || list(outer.paths, inner.paths, pathCovers)) &&
    list(outer.methods, inner.methods, isSame) &&
    outer.headers.every((one) => inner.headers.some((other) => isSame(one, other))) &&
    outer.query.every((one) => inner.query.some((other) => isSame(one, other))) &&
    list(outer.clients, inner.clients, isSame)
  )
}
