import type { RouteOptions } from '../../routing/options.js'
import { poolsOf } from '../../routing/pools-of.js'
import { unmatchedPaths } from '../../routing/unmatched-paths.js'
import type { PoolConfig } from '../config.js'
import type { Faults } from '../file/item.js'
import { placeOf } from '../shapes/collections.js'
import { suggestion } from '../suggestion.js'
import { type GivenRoute, keyOfMatch } from './routes.js'

/** What is wrong with routes that are each valid by itself. */
export function checkRoutes(routes: readonly GivenRoute[], pools: readonly string[], faults: Faults): void {
  const names = new Map<string, string>()
  const matches = new Map<string, string>()
  const known = new Set(pools)
  for (const given of routes) {
    const { route, item, path, isUnmatched } = given
    const { name } = route
    const sameName = names.get(name)
    if (sameName !== undefined)
      faults.add(placeOf(item, 'name'), `${path}.name must be its own, but ${sameName} is named ${name} too`)
    else names.set(name, path)
    const key = isUnmatched ? path : keyOfMatch(route)
    const sameMatch = matches.get(key)
    if (sameMatch !== undefined)
      faults.add(
        placeOf(item, 'match'),
        `${path} can never be reached: ${sameMatch} matches the same requests`
      )
    else matches.set(key, path)
    if (!isUnmatched) checkPaths(given, faults)
    for (const [key, pool] of poolsNamedBy(route)) {
      if (!known.has(pool))
        faults.add(
          placeOf(item, key),
          `${path}.${key} names the pool "${pool}", but ${namesOf(pools)}${suggestion(pool, pools)}`
        )
    }
  }
}

/** Paths that servers read in several ways, where only those are let through that have one. */
function checkPaths({ route, item, path }: GivenRoute, faults: Faults): void {
  const match = item.kind === 'map' && item.entries.get('match')?.item
  const [unmatched] = unmatchedPaths(route)
  if (!match || unmatched === undefined) return
  const isWhole = route.match.paths.some((each) => each.kind === 'exact' && each.path === unmatched)
  const key = isWhole ? 'path' : 'path-prefix'
  faults.add(
    placeOf(match, key),
    `${path}.match.${key} has ${unmatched}, which no request can match: servers read it in several ways, so that it is ambiguous; write paths: lenient or paths: raw for this route`
  )
}

/** More names than these nobody reads. */
const MAX_NAMES = 10

const namesOf = (pools: readonly string[]) =>
  pools.length <= MAX_NAMES ? `there are ${pools.join(', ')}` : `none of the ${pools.length} has that name`

function poolsNamedBy({ action, filters: { mirror } }: RouteOptions): [key: string, pool: string][] {
  const named = poolsOf(action).map((pool): [string, string] => [action.kind, pool])
  return mirror ? [...named, ['mirror', mirror.pool]] : named
}

/**
 * Two pools whose sessions have one cookie, where a client can come to both: each would end the session of the other.
 * @param placeOfPool where a pool stands
 */
export function checkCookies(
  pools: readonly PoolConfig[],
  routes: readonly RouteOptions[],
  placeOfPool: (name: string) => number,
  faults: Faults
): void {
  const hosts = new Map<string, (readonly string[])[]>(pools.map(({ name }) => [name, []]))
  for (const { match, action } of routes)
    for (const pool of poolsOf(action)) hosts.get(pool)?.push(match.hosts)
  const seen = new Map<string, string[]>()
  for (const { name, config } of pools) {
    const { sticky } = config.balancing
    if (!sticky) continue
    const key = JSON.stringify([sticky.cookie, sticky.domain, sticky.path])
    const others = seen.get(key) ?? []
    const other = others.find((each) => sticky.domain !== '' || shareHost(hosts.get(each)!, hosts.get(name)!))
    if (other !== undefined)
      faults.add(
        placeOfPool(name),
        `pools.${name} and ${other} have the same cookie ${sticky.cookie} for the same hosts: each would end the sessions of the other`
      )
    seen.set(key, [...others, name])
  }
}

/** Whether some host is among both; a list without any stands for all. */
function shareHost(some: readonly (readonly string[])[], others: readonly (readonly string[])[]): boolean {
  return some.some((a) =>
    others.some((b) => a.length === 0 || b.length === 0 || a.some((x) => b.some((y) => overlap(x, y))))
  )
}

const overlap = (a: string, b: string): boolean => a === b || isBelow(a, b) || isBelow(b, a)

/** Whether a host, or all hosts below one, are below another: `*.example`. */
const isBelow = (host: string, suffix: string): boolean =>
  suffix.startsWith('*.') && host.replace(/^\*/, '').endsWith(suffix.slice(1))
