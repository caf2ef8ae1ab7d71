import { fromCaddy } from './caddy/index.js'
import type { Conversion, Request } from './conversion.js'
import { ConvertError, type Finding, type Findings, lineOf } from './findings.js'
import { fromHaproxy } from './haproxy/index.js'
import { fromNginx } from './nginx/index.js'
import { hasAmbiguousPath } from './rules/ambiguous.js'
import { isSame } from './rules/conditions.js'
import type { PoolSettings } from './rules/pools.js'
import { routeOf } from './rules/route.js'
import type { Rule } from './rules/rule.js'
import { asYaml } from './write.js'

/** Whose configurations are converted. */
export const FORMATS = ['nginx', 'haproxy', 'caddy'] as const
export type Format = (typeof FORMATS)[number]

const CONVERTERS: Readonly<Record<Format, (request: Request) => Conversion>> = {
  nginx: fromNginx,
  haproxy: fromHaproxy,
  caddy: fromCaddy
}

/** A converted configuration: YAML for the file of `LB_CONFIG`, and what there is to know of it. */
export interface Converted {
  readonly yaml: string
  readonly findings: readonly Finding[]
}

/**
 * Converts the configuration of another proxy.
 * @throws {ConvertError} if its blocks do not fit together, or there is nothing in it to be converted
 */
export function convert(format: Format, request: Request): Converted {
  const { settings, pools, rules, findings } = CONVERTERS[format](request)
  const { shared, routes } = withoutShared(rules.map((rule) => lenientIfAmbiguous(rule, findings)))
  const found = findings.all()
  const ofPools = commonToAll(pools.entries())
  const configuration = {
    settings: { ...settings, ...shared, ...ofPools.common },
    pools: ofPools.pools,
    routes: routes.map(routeOf)
  }
  return { yaml: asYaml(configuration, found, request.file), findings: found }
}

function lenientIfAmbiguous(rule: Rule, findings: Findings): Rule {
  if (!hasAmbiguousPath(rule)) return rule
  const paths = rule.when.paths.flatMap((path) => ('path' in path ? [path.path] : []))
  const why = 'servers read it in several ways: its route takes the normal form for the only one'
  findings.differs(rule.at, paths.join(' '), why)
  return { ...rule, does: { ...rule.does, paths: 'lenient' } }
}

/** Pools without what all of them say, which is a setting of the whole that they inherit. */
function commonToAll(entries: readonly (readonly [string, PoolSettings])[]): {
  common: Record<string, unknown>
  pools: Record<string, PoolSettings>
} {
  const all = entries.map(([, settings]) => settings)
  const isCommon = (key: string, value: unknown) =>
    all.length > 1 &&
    key !== 'backends' &&
    key !== 'sticky' &&
    all.every((settings) => isSame(settings[key], value))
  const common = Object.entries(all[0] ?? {}).filter(([key, value]) => isCommon(key, value))
  const pools = entries.map(([name, settings]) => {
    const { backends, ...others } = settings
    const own = Object.entries(others).filter(([key, value]) => !isCommon(key, value))
    return [name, { backends, ...Object.fromEntries(own) }]
  })
  return { common: Object.fromEntries(common), pools: Object.fromEntries(pools) }
}

/** Rules without the addresses that all of them allow or deny, which are a setting of the whole. */
function withoutShared(rules: readonly Rule[]): { shared: Record<string, unknown>; routes: readonly Rule[] } {
  const shared: Record<string, unknown> = {}
  let routes = rules
  for (const key of ['allow', 'deny'] as const) {
    const list = rules[0]?.does[key]
    if (!list || !rules.every(({ does }) => isSame(does[key], list))) continue
    shared[key] = list
    routes = routes.map((rule) => {
      const { [key]: _, ...does } = rule.does
      return { ...rule, does }
    })
  }
  return { shared, routes }
}

/** Whose configuration a file is, by its name and what is in it; undefined if that is not clear. */
export function detect(file: string, text: string): Format | undefined {
  const name = file.split(/[\\/]/).at(-1)!.toLowerCase()
  if (/caddyfile/.test(name)) return 'caddy'
  if (/haproxy|\.cfg$/.test(name)) return 'haproxy'
  if (/nginx/.test(name)) return 'nginx'
  const plain = text.replace(/#.*$/gm, '')
  if (/^\s*(?:events|http|server|upstream\s+\S+|location\s[^{;]*)\s*\{/m.test(plain)) return 'nginx'
  if (/^\s*(?:global|defaults|(?:frontend|backend|listen)\s+[^\s;]+)\s*$/m.test(plain)) return 'haproxy'
  if (/^\s*(?:reverse_proxy|respond|redir|handle|route|encode|file_server)\b/m.test(plain)) return 'caddy'
  return undefined
}

export { ConvertError, lineOf }
