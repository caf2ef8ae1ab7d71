import { camelCase, kebabCase, keyOf } from '../variable.js'

/** What differs between settings in a file and those that a program gives. */
export interface Wording {
  /** The key of a setting as files have it. */
  keyOf(given: string): string
  /** The name of a variable that is not set. */
  nameOf(variable: string): string
  /** Where settings stand that are not a pool's. */
  readonly top: string
  /** What makes the pool `default`. */
  readonly backends: string
}

export const OF_FILE: Wording = {
  keyOf: (given) => given,
  nameOf: keyOf,
  top: 'at the top of the file',
  backends: 'backends (LB_BACKENDS)'
}

/** Programs may write keys in camel case too. */
export const OF_PROGRAM: Wording = {
  keyOf: kebabCase,
  nameOf: (variable) => camelCase(keyOf(variable)),
  top: 'beside pools',
  backends: 'backends'
}
