import type { Findings } from './findings.js'
import type { Pools } from './rules/pools.js'
import type { Rule } from './rules/rule.js'

/** What is to be converted. */
export interface Request {
  readonly text: string
  /** As it is to be shown; files that it includes are sought beside it. */
  readonly file: string
  /** The port whose servers are meant, where there are several. */
  readonly port: number | undefined
  /** The environment that a file may name variables of. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** What a file says, in the terms of ours. */
export interface Conversion {
  /** Of the whole balancer, by the keys of the file. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly pools: Pools
  /** In the order of routes. */
  readonly rules: readonly Rule[]
  readonly findings: Findings
}
