import type { Findings } from '../findings.js'
import type { Pools } from '../rules/pools.js'
import type { When } from './matchers.js'

/** What the directives of a site share. */
export interface Context {
  readonly findings: Findings
  readonly pools: Pools
  readonly isTls: boolean
  /** Matchers by their names, with `@`. */
  readonly named: ReadonlyMap<string, When>
  /** The paths of those matchers that have a single one. */
  readonly paths: ReadonlyMap<string, string>
  /** Directives that the option `order` has put elsewhere. */
  readonly moved: ReadonlyMap<string, readonly [where: string, other: string]>
}
