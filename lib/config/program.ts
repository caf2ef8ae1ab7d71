import type { Config } from './config.js'
import { ConfigFile, spelled } from './file/config-file.js'
import type { MapItem } from './file/item.js'
import { readObject } from './file/object.js'
import { OrderedFaults } from './file/place.js'
import { type GivenSetting, readSettings } from './file/settings.js'
import { OF_PROGRAM } from './file/wording.js'
import { ConfigError, loadGiven } from './load.js'
import { OF_SERVER } from './of-server.js'
import type { LoadBalancerOptions, PoolOptions, RoutingOptions } from './options.js'
import type { VariableName } from './schema.js'
import { kebabCase } from './variable.js'

const ROUTING: readonly string[] = ['pools', 'routes']
const OF_WHOLE_PROCESS = 'is for a process of its own to have: see the command lb'
const OF_WHOLE_SERVER = 'is for a whole server to have: see createLoadBalancer'
/** Keys that are no options, and why. */
const NO_OPTIONS: ReadonlyMap<string, string> = new Map([
  ['port', 'is for listen() to say'],
  ['config', 'is no option: a program gives the settings themselves'],
  ['threads', OF_WHOLE_PROCESS],
  ['upgrade-drain-timeout', OF_WHOLE_PROCESS],
  ['pid-file', OF_WHOLE_PROCESS]
])
const NOT_OF_POOL: ReadonlyMap<string, string> = new Map([
  ...NO_OPTIONS,
  ...ROUTING.map((key): [string, string] => [key, OF_WHOLE_SERVER])
])
const SERVER_ONLY: ReadonlySet<VariableName> = new Set(OF_SERVER)

/** Everything that is wrong with options, a line a fault. */
export const optionsError = (faults: readonly string[]) => new ConfigError(faults, 'The options are wrong')

/** Options, as a file would have them. */
interface Given {
  readonly item: MapItem
  readonly settings: Map<VariableName, GivenSetting>
  readonly faults: OrderedFaults
}

/** @param refused keys that are no options, and why */
function read(options: unknown, refused: ReadonlyMap<string, string>): Given {
  const faults = new OrderedFaults()
  const item = readObject(options ?? {}, faults)
  if (item.kind !== 'map') throw optionsError(['options must be an object'])
  for (const [key, { at }] of item.entries) {
    const why = refused.get(kebabCase(key))
    if (why !== undefined) faults.add(at, `${key} ${why}`)
  }
  const isOther = (key: string) => ROUTING.includes(key) || refused.has(kebabCase(key))
  const settings = new Map(readSettings(item, '', isOther, OF_PROGRAM, faults))
  if (!settings.has('LB_BACKENDS') && !item.entries.has('pools'))
    faults.add(item.at, 'backends must name at least one backend, such as 127.0.0.1:8080')
  return { item, settings, faults }
}

/** @param others faults found elsewhere, to be named in the same error */
function load({ item, settings, faults }: Given, others: readonly string[] = []): Config {
  const all = [...others]
  try {
    const config = loadGiven(new ConfigFile(item, settings, faults, OF_PROGRAM))
    if (all.length === 0) return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    all.push(...error.faults.map((fault) => spelled(fault, settings, OF_PROGRAM)))
  }
  throw optionsError(all)
}

/**
 * The configuration of a whole server: options are read as a file is.
 * @throws {ConfigError} naming everything that is wrong with the options
 */
export function loadBalancerConfig(options: LoadBalancerOptions): Config {
  return load(read(options, NO_OPTIONS))
}

/**
 * The options of a server with other pools, other routes, or both. What is not given stays.
 * @throws {ConfigError} naming everything that is wrong, but for what only the whole of them can show
 */
export function withRouting(options: LoadBalancerOptions, routing: RoutingOptions): LoadBalancerOptions {
  const { pools, routes, ...others } = routing ?? {}
  const wrong = Object.keys(others).map(
    (key) => `${key} cannot be replaced while the server runs, only pools and routes`
  )
  if (pools === undefined && routes === undefined) wrong.push('pools or routes must be there')
  if (wrong.length > 0) throw optionsError(wrong)
  return {
    ...options,
    pools: pools === undefined ? options.pools : pools,
    routes: routes === undefined ? options.routes : routes
  }
}

/**
 * The configuration of a pool in an application's server. Defaults are those of the variables, except that no periodic
 * report is logged.
 * @param others faults found elsewhere, to be named in the same error
 * @throws {ConfigError} naming everything that is wrong with the options
 */
export function poolConfig(options: PoolOptions, others: readonly string[]): Config {
  const given = read(options, NOT_OF_POOL)
  const { settings, faults } = given
  for (const [name, { at, path }] of settings)
    if (SERVER_ONLY.has(name)) {
      faults.add(at, `${path} ${OF_WHOLE_SERVER}`)
      settings.delete(name)
    }
  if (!settings.has('LB_STATS_INTERVAL'))
    settings.set('LB_STATS_INTERVAL', { path: 'statsInterval', at: 0, text: '0' })
  return load({ ...given, item: { kind: 'map', at: 0, entries: new Map() } }, others)
}
