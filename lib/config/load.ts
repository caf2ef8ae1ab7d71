import * as v from 'valibot'
import { type Config, configOf } from './config.js'
import { ConfigError } from './config-error.js'
import { poolConflicts, serverConflicts } from './conflicts.js'
import type { ConfigFile } from './file/config-file.js'
import { schema, type Values, type VariableName } from './schema.js'
import { registrationFaults } from './settings/registration.js'
import { tracingOf } from './settings/tracing.js'
import { suggestion } from './suggestion.js'
import { variablesNamedIn } from './variable.js'

export type { Config, PoolConfig, RoutingConfig } from './config.js'
export { ConfigError } from './config-error.js'

const VARIABLE = /^LB_/
/** What Kubernetes sets in every pod of a namespace with a service named `lb`. */
const SERVICE_LINK = /^LB_(SERVICE_(HOST|PORT)|PORT)(_|$)/

type Env = Readonly<Record<string, string | undefined>>

/** The configuration, and the variables that it was read from: those of the environment and those of the file. */
export interface LoadedConfig {
  readonly config: Config
  readonly variables: Env
  readonly given: GivenConfig
}

/** What a configuration is read from: the same, given to another thread, makes the same configuration there. */
export interface GivenConfig {
  readonly env: Env
  /** Of the file of `LB_CONFIG`; undefined if there is none. */
  readonly text: string | undefined
}

/**
 * Reads the configuration from environment variables, and from the file of `LB_CONFIG` what they do not set.
 * @throws {ConfigError} naming every variable that is wrong or unknown.
 */
export function loadConfig(env: Env): Config {
  return loadWithVariables(env).config
}

/**
 * The same, with the variables that were set.
 * @param text of the file of `LB_CONFIG`, where another thread has read it
 * @throws {ConfigError} naming every variable that is wrong or unknown.
 */
export function loadWithVariables(env: Env, text?: string): LoadedConfig {
  const faults: string[] = []
  const tell = (fault: string) => void faults.push(fault)
  const file = fileOf(env.LB_CONFIG, tell, text)
  const { config, variables } = loadParts(env, file, faults)
  return { config, variables, given: { env, text: file?.text } }
}

/**
 * The configuration of settings that a program gives.
 * @throws {ConfigError} naming everything that is wrong with them
 */
export function loadGiven(settings: ConfigFile): Config {
  return loadParts({}, settings, []).config
}

/** @param faults what is wrong already */
function loadParts(
  env: Env,
  file: ConfigFile | undefined,
  faults: string[]
): Pick<LoadedConfig, 'config' | 'variables'> {
  const tell = (fault: string) => void faults.push(fault)
  const own = ownVariables(env)
  const variables: Env = { ...file?.variables, ...own }
  const report = (fault: string) => {
    // Pools may inherit the same fault.
    if ((isSet(own, fault) || !file?.take(fault)) && !faults.includes(fault)) tell(fault)
  }

  const result = v.safeParse(schema, variables)
  for (const { path, message } of result.issues ?? []) report(`${String(path?.[0].key)} ${message}`)
  for (const name of Object.keys(variables))
    if (!(name in schema.entries))
      tell(`${name} is not a known variable${suggestion(name, Object.keys(schema.entries))}`)
  const fastifyPort = env.FASTIFY_PORT
  if (fastifyPort !== undefined && fastifyPort !== env.PORT) {
    const port = v.safeParse(schema.entries.PORT, fastifyPort)
    for (const { message } of port.issues ?? []) tell(`FASTIFY_PORT ${message}`)
  }
  const values = result.success ? result.output : withoutFaulty(variables, result.issues)
  const hasRouting = file !== undefined && (file.pools !== undefined || file.routes !== undefined)
  if (result.success) for (const fault of serverConflicts(values)) report(fault)
  if (result.success && !hasRouting) {
    const { broken, idle } = poolConflicts(values)
    for (const fault of [...broken, ...idle]) report(fault)
  }
  const tracing = tracingOf(result.success && result.output.LB_TRACEPARENT, env, tell)
  const routing = hasRouting
    ? routingReader().readRouting(file, {
        values,
        given: variables,
        tracing,
        // What stands in the place of wrong values is not to be complained of.
        report: result.success ? report : () => {}
      })
    : undefined
  const poolNames = routing?.pools.map(({ name }) => name) ?? ['default']
  if (result.success) for (const fault of registrationFaults(values, poolNames)) report(fault)
  faults.push(...(file?.faults.lines() ?? []))
  if (faults.length > 0) throw new ConfigError(faults)
  return { config: configOf(values, { pool: '', tracing, routing }), variables }
}

/** The variables that are the balancer's. */
function ownVariables(env: Env): Env {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name, value]) =>
        value !== undefined && ((VARIABLE.test(name) && !SERVICE_LINK.test(name)) || name === 'PORT')
    )
  )
}

/** Whether the variable that a fault is about is set in the environment, and not by the file. */
const isSet = (own: Env, fault: string) => own[variablesNamedIn(fault)[0] ?? ''] !== undefined

/** What the other values of the file are checked against, where some are wrong. */
function withoutFaulty(variables: Env, issues: readonly v.BaseIssue<unknown>[]): Values {
  const faulty = new Set(issues.map(({ path }) => path?.[0]?.key as VariableName))
  return v.parse(
    schema,
    Object.fromEntries(Object.entries(variables).filter(([name]) => !faulty.has(name as VariableName)))
  )
}

// What reads files is loaded only where there is one, and what reads routes only where it has some.
function fileOf(
  name: string | undefined,
  tell: (fault: string) => void,
  text?: string
): ConfigFile | undefined {
  if (name === undefined || name === '') return undefined
  const { readConfigFile } = require('./file/config-file.js') as typeof import('./file/config-file.js')
  return readConfigFile(name, tell, text)
}

const routingReader = () => require('./routing/routing.js') as typeof import('./routing/routing.js')
