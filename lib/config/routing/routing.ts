import { ALL_REQUESTS, NO_FILTERS } from '../../routing/catch-all.js'
import type { RouteOptions } from '../../routing/options.js'
import { configOf, type PoolConfig, type RoutingConfig } from '../config.js'
import { poolConflicts } from '../conflicts.js'
import type { ConfigFile } from '../file/config-file.js'
import { placeOf } from '../shapes/collections.js'
import { type Inherited, readPools } from './pools.js'
import { routes } from './routes.js'
import { checkCookies, checkRoutes } from './whole.js'

/** The pool that the variables make. */
const DEFAULT_POOL = 'default'

interface Surroundings extends Omit<Inherited, 'faults' | 'wording' | 'idle'> {
  /** The variables that were set. */
  readonly given: Readonly<Record<string, string | undefined>>
}

/**
 * Reads the pools and the routes of a file that has either. The variables make a pool named `default` where they name
 * backends, or where the file has no pools.
 */
export function readRouting(file: ConfigFile, { given, ...surroundings }: Surroundings): RoutingConfig {
  const { faults, wording } = file
  const inherited: Inherited = { ...surroundings, faults, wording, idle: [] }
  const pools = poolsOf(file, given.LB_BACKENDS !== undefined, inherited)
  const [first = [], ...others] = inherited.idle
  for (const fault of first) if (others.every((idle) => idle.includes(fault))) surroundings.report(fault)
  const routes = routesOf(file, pools)
  const { pools: map } = file
  checkCookies(pools, routes, (name) => (map ? placeOf(map, name) : 0), file.faults)
  return { pools, routes }
}

function poolsOf(file: ConfigFile, hasBackends: boolean, inherited: Inherited): readonly PoolConfig[] {
  if (!file.pools) return [defaultPool(inherited)]
  const pools = readPools(file.pools, hasBackends ? 1 : 0, inherited)
  if (!hasBackends) return pools
  const isThere = pools.some(({ name }) => name === DEFAULT_POOL)
  if (isThere)
    file.faults.add(
      file.pools.at,
      `pools.${DEFAULT_POOL} is the name of the pool that ${file.wording.backends} make: it needs another`
    )
  return [...pools, defaultPool(inherited)]
}

function defaultPool({ values, tracing, report, idle: idleOfAll }: Inherited): PoolConfig {
  const { broken, idle } = poolConflicts(values)
  for (const fault of broken) report(fault)
  idleOfAll.push(idle)
  return { name: DEFAULT_POOL, config: configOf(values, { pool: '', tracing, routing: undefined }) }
}

/** The routes of the file; without any, one pool takes all requests. */
function routesOf(file: ConfigFile, pools: readonly PoolConfig[]): readonly RouteOptions[] {
  if (file.routes) {
    const given = routes.read(file.routes, 'routes', file.faults) ?? []
    checkRoutes(given, poolNames(file, pools), file.faults)
    return given.map(({ route }) => route)
  }
  const [only, another] = pools
  if (another) {
    const names = poolNames(file, []).join(', ')
    const beside = another.name === DEFAULT_POOL ? `, beside ${DEFAULT_POOL} by LB_BACKENDS` : ''
    file.faults.add(file.pools!.at, `pools has ${names}${beside}: routes must say which requests go to which`)
  }
  return only ? [{ ...CATCH_ALL, action: { kind: 'pool', pool: only.name } }] : []
}

/** The names of all pools, of those too that are wrong. */
function poolNames(file: ConfigFile, pools: readonly PoolConfig[]): string[] {
  const own = file.pools?.kind === 'map' ? [...file.pools.entries.keys()] : []
  return [...new Set([...own, ...pools.map(({ name }) => name)])]
}

/** The route where the file has none. */
const CATCH_ALL: RouteOptions = {
  name: 'route-1',
  match: ALL_REQUESTS,
  paths: 'strict',
  action: { kind: 'pool', pool: DEFAULT_POOL },
  filters: NO_FILTERS
}
