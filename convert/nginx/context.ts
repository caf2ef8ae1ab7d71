import type { Directive } from '../directive.js'
import type { Findings } from '../findings.js'
import type { Pools } from '../rules/pools.js'
import type { Scope } from './scope.js'

/** What is defined once in `http` and used by its servers. */
export interface Context {
  readonly findings: Findings
  readonly pools: Pools
  readonly upstreams: ReadonlyMap<string, Directive>
  /** `map` and `split_clients` by the variable that they set, with its `$`. */
  readonly maps: ReadonlyMap<string, Directive>
  /** `limit_req_zone` by the name of the zone. */
  readonly zones: ReadonlyMap<string, Directive>
  /** Largest body where nothing else is said, in bytes; 0 for no limit. */
  readonly maxBodyBytes: number
  /** The folder of the main file. */
  readonly folder: string
}

/** Gathers it from the blocks that stand in `http`. */
export function contextOf(
  http: Scope,
  given: Pick<Context, 'findings' | 'pools' | 'maxBodyBytes' | 'folder'>
): Context {
  const by = (names: string[], keyOf: (directive: Directive) => string | undefined) =>
    new Map(
      http.directives
        .filter(({ name }) => names.includes(name))
        .map((directive) => [keyOf(directive) ?? '', directive] as const)
    )
  return {
    ...given,
    upstreams: by(['upstream'], ({ args }) => args[0]),
    maps: by(['map', 'split_clients'], ({ args }) => args[1]),
    zones: by(
      ['limit_req_zone'],
      ({ args }) => /^zone=([^:]+)/.exec(args.find((arg) => arg.startsWith('zone=')) ?? '')?.[1]
    )
  }
}
