import type { Config } from './config.js'
import { ConfigFile, spelled } from './file/config-file.js'
import { readObject } from './file/object.js'
import { OrderedFaults } from './file/place.js'
import { readSettings } from './file/settings.js'
import { variablesIn } from './file/settings-text.js'
import { OF_PROGRAM } from './file/wording.js'
import { ConfigError, loadConfig, loadGiven } from './load.js'
import { OF_SERVER } from './of-server.js'
import type { LoadBalancerOptions, PoolOptions, RoutingOptions } from './options.js'
import { describeVariables, type VariableName } from './schema.js'
import { camelCase, keyOf } from './variable.js'

/** The variable of each option of a pool, by both names. */
const NAMES = new Map<string, VariableName>(
  describeVariables().flatMap(({ name }) => {
    const key = keyOf(name)
    return [[key, name] as const, [camelCase(key), name] as const]
  })
)
const ROUTING: readonly string[] = ['pools', 'routes']
const NO_OPTIONS: ReadonlyMap<string, string> = new Map([
  ['port', 'is for listen() to say'],
  ['config', 'is no option: a program gives the settings themselves']
])
const ofWholeServer = (name: string) =>
  ROUTING.includes(name) || OF_SERVER.some((variable) => variable === NAMES.get(name))

/** Why an option is not allowed for a pool; undefined if it is. */
const whyNotOfPool = (key: string): string | undefined =>
  NO_OPTIONS.get(key) ??
  (ofWholeServer(key) ? 'is for a whole server to have: see createLoadBalancer' : undefined)

/** Everything that is wrong with options, a line a fault. */
export const optionsError = (faults: readonly string[]) => new ConfigError(faults, 'The options are wrong')

/**
 * The configuration of a whole server: options are read as a file is.
 * @throws {ConfigError} naming everything that is wrong with the options
 */
export function loadBalancerConfig(options: LoadBalancerOptions): Config {
  const faults = new OrderedFaults()
  const item = readObject(options ?? {}, faults)
  if (item.kind !== 'map') throw optionsError(['options must be an object'])
  const isOther = (key: string) => ROUTING.includes(key) || NO_OPTIONS.has(key)
  for (const [key, why] of NO_OPTIONS) {
    const entry = item.entries.get(key)
    if (entry) faults.add(entry.at, `${key} ${why}`)
  }
  const settings = readSettings(item, '', isOther, OF_PROGRAM, faults)
  if (!settings.has('LB_BACKENDS') && !item.entries.has('pools'))
    faults.add(item.at, 'backends must name at least one backend, such as 127.0.0.1:8080')
  try {
    return loadGiven(new ConfigFile(item, settings, faults, OF_PROGRAM))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw optionsError(error.faults.map((fault) => spelled(fault, settings, OF_PROGRAM)))
  }
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
  const faults = [...others]
  const given = new Map<VariableName, string>()
  const settings = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const allowed = Object.entries(settings).filter(([key]) => {
    const why = whyNotOfPool(key)
    if (why !== undefined) faults.push(`${key} ${why}`)
    return why === undefined
  })
  const variables = variablesIn(Object.fromEntries(allowed), {
    nameOf: (key) => NAMES.get(key),
    onUnknown: (key) => faults.push(`${key} is not a known option`),
    onWrong: (key, message) => faults.push(`${key} ${message}`)
  })
  for (const key of Object.keys(settings)) {
    const name = NAMES.get(key)
    if (name === undefined) continue
    if (given.has(name)) faults.push(`${key} is given as ${given.get(name)} as well`)
    given.set(name, key)
  }
  if (!given.has('LB_BACKENDS'))
    faults.push('backends must name at least one backend, such as 127.0.0.1:8080')
  variables.LB_STATS_INTERVAL ??= '0'
  const named = (text: string) =>
    text.replace(/\bLB_[A-Z0-9_]+\b/g, (name) => given.get(name as VariableName) ?? camelCase(keyOf(name)))
  try {
    const config = loadConfig(variables)
    if (faults.length === 0) return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    faults.push(...error.faults.map(named))
  }
  throw optionsError(faults)
}
