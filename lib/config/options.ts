import type { BackendSpec } from '../pool/spec/json-spec.js'
import type { Config } from './config.js'
import { variablesIn } from './file/settings-text.js'
import { ConfigError, loadConfig } from './load.js'
import { OF_SERVER } from './of-server.js'
import { describeVariables, type Values, type VariableName } from './schema.js'
import { keyOf } from './variable.js'

type WithoutPrefix<Name> = Name extends `LB_${infer Rest}` ? Rest : Name
type Kebab<Name> = Name extends `${infer Word}_${infer Rest}`
  ? `${Lowercase<Word>}-${Kebab<Rest>}`
  : Lowercase<Name & string>
type Camel<Name> = Name extends `${infer Word}_${infer Rest}`
  ? `${Lowercase<Word>}${Capitalize<Camel<Rest>>}`
  : Lowercase<Name & string>

/** The type of an option for the type of its parsed value; a list may also be one text, as in a variable. */
type Given<Value> = [Value] extends [boolean]
  ? boolean
  : [Value] extends [number]
    ? number
    : [Value] extends [string]
      ? Value
      : string | number | readonly (string | number)[]

type GivenFor<Name extends VariableName> = Name extends 'LB_BACKENDS'
  ? string | readonly (string | BackendSpec)[]
  : Given<Values[Name]>

/** Settings as a program passes them, named as in the file of `LB_CONFIG`, or the same in camel case. */
type OptionsFor<Names extends VariableName> = {
  [Name in Names as Camel<WithoutPrefix<Name>>]?: GivenFor<Name> | undefined
} & {
  [Name in Names as Kebab<WithoutPrefix<Name>>]?: GivenFor<Name> | undefined
}

/** Settings that a program passes in another way. */
const OF_PROGRAM = ['PORT', 'LB_CONFIG'] as const satisfies readonly VariableName[]

type OfServer = (typeof OF_SERVER)[number]
type OfProgram = (typeof OF_PROGRAM)[number]

/** Options of `createLoadBalancer`. */
export type LoadBalancerOptions = OptionsFor<Exclude<VariableName, OfProgram>>
/** Options of a pool in an application's server. */
export type PoolOptions = OptionsFor<Exclude<VariableName, OfProgram | OfServer>>

const camelCase = (key: string) => key.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** The variable of each option, by both names. */
const NAMES = new Map<string, VariableName>(
  describeVariables().flatMap(({ name }) => {
    const key = keyOf(name)
    return [[key, name] as const, [camelCase(key), name] as const]
  })
)

/** Why an option is not allowed for a pool, or at all; undefined if it is. */
function whyNotAllowed(name: VariableName, isOfPool: boolean): string | undefined {
  if (name === 'PORT') return 'is for listen() to say'
  if (name === 'LB_CONFIG') return 'is no option: a program gives the settings themselves'
  if (isOfPool && (OF_SERVER as readonly VariableName[]).includes(name))
    return 'is for a whole server to have: see createLoadBalancer'
  return undefined
}

/**
 * The configuration of a whole server.
 * @throws {ConfigError} naming everything that is wrong with the options
 */
export function loadBalancerConfig(options: LoadBalancerOptions): Config {
  return configOf(options ?? {}, false, [])
}

/**
 * The configuration of a pool. Defaults are those of the variables, except that no periodic report is logged.
 * @param others faults found elsewhere, to be named in the same error
 * @throws {ConfigError} naming everything that is wrong with the options
 */
export function poolConfig(options: PoolOptions, others: readonly string[]): Config {
  return configOf(options, true, others)
}

/** Everything that is wrong with options, a line a fault. */
export const optionsError = (faults: readonly string[]) => new ConfigError(faults, 'The options are wrong')

function configOf(options: object, isOfPool: boolean, others: readonly string[]): Config {
  const faults = [...others]
  const given = new Map<VariableName, string>()
  const settings = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const variables = variablesIn(settings, {
    nameOf: (key) => NAMES.get(key),
    onUnknown: (key) => faults.push(`${key} is not a known option`),
    onWrong: (key, message) => faults.push(`${key} ${message}`)
  })
  for (const key of Object.keys(settings)) {
    const name = NAMES.get(key)
    if (name === undefined) continue
    const why = whyNotAllowed(name, isOfPool)
    if (why !== undefined) faults.push(`${key} ${why}`)
    if (why !== undefined) delete variables[name]
    if (given.has(name)) faults.push(`${key} is given as ${given.get(name)} as well`)
    given.set(name, key)
  }
  if (!('LB_BACKENDS' in variables) && !given.has('LB_BACKENDS'))
    faults.push('backends must name at least one backend, such as 127.0.0.1:8080')
  if (isOfPool) variables.LB_STATS_INTERVAL ??= '0'
  const spelled = (text: string) =>
    text.replace(/\bLB_[A-Z0-9_]+\b/g, (name) => given.get(name as VariableName) ?? camelCase(keyOf(name)))
  try {
    const config = loadConfig(variables)
    if (faults.length === 0) return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    faults.push(...error.faults.map(spelled))
  }
  throw optionsError(faults)
}
