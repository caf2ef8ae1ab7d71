import type { PathChange, PathMatch, Redirect, RouteAction, RouteMatch } from '../../routing/options.js'
import type { ShownRoute } from '../shown-route.js'

/** Of a longer list only the beginning is shown. */
const LISTED = 3

/** A route as the page shows it. */
export type RouteView = ReturnType<typeof routeView>

/** What does not change, of routes that are in use. */
const texts = new WeakMap<ShownRoute, { readonly match: string; readonly leadsTo: string }>()

/** A route as the page shows it: what it matches and where it leads in words, and how its requests have ended. */
export function routeView(route: ShownRoute) {
  const text = texts.get(route) ?? textOf(route)
  texts.set(route, text)
  return {
    name: route.name,
    match: text.match,
    leadsTo: text.leadsTo,
    /** Without an answer, then by the class of the status. */
    counts: [...route.counts.byClass]
  }
}

function textOf({ match, action, filters: { mirror } }: ShownRoute) {
  const mirrored = mirror ? `, ${mirror.percent} % mirrored to ${mirror.pool}` : ''
  return { match: matchText(match), leadsTo: `${actionText(action)}${mirrored}` }
}

function matchText(match: RouteMatch): string {
  const named = (what: string, list: readonly { readonly name: string }[]) =>
    list.length > 0 ? [`${what} ${list.map(({ name }) => name).join(', ')}`] : []
  const parts = [
    ...listed(match.methods),
    ...listed(match.hosts),
    ...listed(match.paths.map(pathText)),
    ...named('field', match.headers),
    ...named('query', match.query),
    ...(match.clients ? ['some clients'] : []),
    ...listed(match.ports.map((port) => `port ${port}`)),
    ...listed(match.tlsNames.map((name) => `TLS name ${name}`))
  ]
  return parts.length > 0 ? parts.join(' · ') : 'everything'
}

function listed(texts: readonly string[]): string[] {
  if (texts.length === 0) return []
  const more = texts.length > LISTED ? ` and ${texts.length - LISTED} more` : ''
  return [`${texts.slice(0, LISTED).join(', ')}${more}`]
}

function pathText(match: PathMatch): string {
  if (match.kind === 'exact') return match.path
  return match.kind === 'prefix' ? under(match.path) : `~ ${match.pattern.source}`
}

/** What stays as it was in a request is an ellipsis. */
const under = (prefix: string) => `${prefix.replace(/\/$/, '')}/…`

function actionText(action: RouteAction): string {
  if (action.kind === 'pool') return action.pool
  if (action.kind === 'respond') return `answer ${action.statusCode}`
  if (action.kind === 'redirect') return `redirect ${action.statusCode ?? 302} to ${redirectText(action)}`
  const sum = action.pools.reduce((all, { weight }) => all + weight, 0)
  return action.pools
    .map(({ pool, weight }) => `${pool} ${Math.round((weight / sum) * 1000) / 10} %`)
    .join(', ')
}

function redirectText({ scheme, host, port, path }: Redirect): string {
  const isElsewhere = scheme !== undefined || host !== undefined || port !== undefined
  const authority = `${host ?? '…'}${port === undefined ? '' : `:${port}`}`
  return `${isElsewhere ? `${scheme ?? '…'}://${authority}` : ''}${changeText(path)}`
}

function changeText(path: PathChange | undefined): string {
  if (!path) return '/…'
  return path.kind === 'full' ? path.path : under(path.replacement)
}
