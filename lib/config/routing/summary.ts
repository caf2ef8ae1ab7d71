import type { NamedMatch, RouteAction, RouteMatch } from '../../routing/options.js'
import { poolsOf } from '../../routing/pools-of.js'
import type { Config, RoutingConfig } from '../config.js'

/** The pools and routes, a line each, as `lb check` prints them. */
export function routingSummary({ pools, routes }: RoutingConfig): string[] {
  return [
    ...pools.map(({ name, config }) => `pool ${name}: ${membersOf(config).join(' ')}`),
    ...routes.map(({ name, match, action }) => `route ${name}: ${matchText(match)} -> ${actionText(action)}`)
  ]
}

/** The backends of a pool, and the sources of more. */
export function membersOf({ backends, sources }: Pick<Config, 'backends' | 'sources'>): string[] {
  return [...backends.map(({ address }) => address), ...sources.map(({ name }) => name)]
}

/** The names of the pools that get no requests. */
export function unusedPools({ pools, routes }: RoutingConfig): string[] {
  const used = new Set(
    routes.flatMap(({ action, filters: { mirror } }) => [...poolsOf(action), mirror?.pool])
  )
  return pools.map(({ name }) => name).filter((name) => !used.has(name))
}

function matchText(match: RouteMatch): string {
  const paths = match.paths.map((path) =>
    path.kind === 'regexp'
      ? `~${path.pattern.source}`
      : path.kind === 'prefix'
        ? `${path.path.replace(/\/$/, '')}/*`
        : path.path
  )
  const parts = [
    match.methods.join('|'),
    match.hosts.join('|'),
    paths.join('|'),
    namesOf('header', match.headers),
    namesOf('query', match.query),
    (match.clients?.rules ?? []).length > 0 ? 'client' : '',
    match.ports.length > 0 ? `port ${match.ports.join('|')}` : '',
    match.tlsNames.length > 0 ? `tls-name ${match.tlsNames.join('|')}` : ''
  ]
  return parts.filter(Boolean).join(' ') || 'all'
}

const namesOf = (kind: string, matches: readonly NamedMatch[]) =>
  matches.map(({ name }) => `${kind} ${name}`).join(' ')

function actionText(action: RouteAction): string {
  if (action.kind === 'pool') return `pool ${action.pool}`
  if (action.kind === 'split')
    return action.pools.map(({ pool, weight }) => `pool ${pool} (${weight})`).join(', ')
  return action.kind === 'respond' ? `respond ${action.statusCode}` : 'redirect'
}
