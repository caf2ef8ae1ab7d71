import * as v from 'valibot'

/** What the documentation and `lb --help` say about a variable. */
export interface VariableInfo {
  readonly description: string
  /** The default, as it would be written in the environment. */
  readonly fallback: string
  readonly unit?: string
  /** Flags of `lb`, in commander's notation. */
  readonly flags?: string
  /** Whether its value must not be shown. */
  readonly isSecret?: boolean
}

/** Reports a fault if a variable is used without what it needs. */
export type Needs = (name: string, isUsed: boolean, need: string, isMet: boolean) => void

/** Declares a variable of the configuration. */
export function variable<T>(type: v.GenericSchema<string, T>, info: VariableInfo) {
  return v.pipe(v.optional(type, info.fallback), v.metadata({ ...info }))
}

/** The parsed values of some variables. */
export type ValuesOf<Variables extends Record<string, v.GenericSchema>> = {
  [Name in keyof Variables]: v.InferOutput<Variables[Name]>
}

const NAME = /\b(?:LB_[A-Z0-9_]+|PORT\b)/g

/** The variables that a message names, in its order; a fault begins with the one that it is about. */
export const variablesNamedIn = (message: string): readonly string[] => message.match(NAME) ?? []

/** A message in which variables have other names. */
export const withNames = (message: string, nameOf: (variable: string) => string) =>
  message.replace(NAME, nameOf)

/** The key of a variable in the file: `health-check-period` for `LB_HEALTH_CHECK_PERIOD`. */
export function keyOf(name: string): string {
  return name.replace(/^LB_/, '').toLowerCase().replaceAll('_', '-')
}

/** The same key in camel case, as programs write it: `healthCheckPeriod`. */
export const camelCase = (key: string) => key.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** A key in camel case as files have it. */
export const kebabCase = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
