import type { Place } from './findings.js'

/** A line of a configuration with blocks: a name, its arguments, and for some a block. */
export interface Directive {
  readonly name: string
  readonly args: readonly string[]
  /** Undefined for one without a block. */
  readonly block: readonly Directive[] | undefined
  readonly at: Place
}

/** One as it was written, in a line. */
export function textOf({ name, args, block }: Directive): string {
  return [name, ...args].join(' ') + (block ? ' { … }' : '')
}
