import { ALL_REQUESTS } from '../../routing/catch-all.js'
import type { NamedMatch, RouteAction, RouteFilters, RouteOptions } from '../../routing/options.js'
import type { Faults, Item } from '../file/item.js'
import { has, hasOnly, keys, listOf, placeOf } from '../shapes/collections.js'
import { word } from '../shapes/scalars.js'
import { type GivenFor, type ReadBy, refined } from '../shapes/shape.js'
import { redirect, respond, split } from './action.js'
import { filterKeys } from './filters.js'
import { match, rawMatch } from './match.js'
import { name } from './texts.js'

/** A route of the file, and where it stands. */
export interface GivenRoute {
  readonly route: RouteOptions
  readonly item: Item
  /** Its name for people: `routes[2]`. */
  readonly path: string
  /** Whether its match is wrong, and not known. */
  readonly isUnmatched: boolean
}

const ACTIONS = ['pool', 'split', 'redirect', 'respond'] as const
/** What has no meaning where no backend is asked. */
const OF_BACKENDS = ['rewrite', 'request-headers', 'mirror', 'timeout', 'retries'] as const

const known = {
  name: {
    shape: name,
    description:
      'Name in logs, metrics and statistics; `route-1` and so on by default, by the place in the list.'
  },
  match: {
    shape: match,
    description: 'What a request has to be for this route. Without it, all requests are.'
  },
  pool: { shape: name, description: 'The name of the pool that requests go to.' },
  split: { shape: split, description: 'Pools that share the requests by weight.' },
  'split-by': {
    shape: word(['request', 'client']),
    description:
      'Whether each request of a split is decided for itself (default), or all of a client, so that it stays with a pool.'
  },
  redirect: {
    shape: redirect,
    description: 'Where clients are sent to. What is not said stays as it is in the request.'
  },
  respond: { shape: respond, description: 'What the balancer answers itself.' },
  ...filterKeys
} as const

/** A match by prefixes alone, where one of them is replaced. */
const needsPrefix = (key: string) => ({
  if: { properties: { [key]: { required: ['path-prefix'] } }, required: [key] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: {
    required: ['match'],
    properties: {
      match: {
        required: ['path-prefix'],
        not: { anyOf: [{ required: ['path'] }, { required: ['path-regexp'] }] }
      }
    }
  }
})

const shape = keys(known, {
  oneOf: ACTIONS.map((action) => ({ required: [action] })),
  allOf: [needsPrefix('rewrite'), needsPrefix('redirect')],
  dependencies: {
    'split-by': ['split'],
    ...Object.fromEntries(
      OF_BACKENDS.map((key) => [
        key,
        { not: { anyOf: [{ required: ['redirect'] }, { required: ['respond'] }] } }
      ])
    )
  }
})

const rawShape: typeof shape = keys({ ...known, match: { ...known.match, shape: rawMatch } })

type Found = NonNullable<ReadBy<typeof shape>>

/** Whether a route matches paths as clients send them. */
function isRaw(item: Item): boolean {
  const paths = item.kind === 'map' ? item.entries.get('paths')?.item : undefined
  return paths?.kind === 'scalar' && paths.value === 'raw'
}

const keysOfRoute: typeof shape = {
  json: shape.json,
  read: (item, path, faults) => (isRaw(item) ? rawShape : shape).read(item, path, faults)
}

const route = refined(keysOfRoute, (found, item, path, faults): GivenRoute | undefined => {
  const action = actionOf(found, item, path, faults)
  checkKeys(item, path, faults)
  checkPrefixes(found, item, path, faults)
  if (action === undefined) return undefined
  const options: RouteOptions = {
    name: found.name ?? nameByPlace(path),
    match: found.match ?? ALL_REQUESTS,
    paths: found.paths ?? 'strict',
    action,
    filters: filtersOf(found)
  }
  return { route: options, item, path, isUnmatched: has(item, 'match') && found.match === undefined }
})

/** `route-3` for `routes[2]`. */
const nameByPlace = (path: string) => `route-${Number(/\d+/.exec(path)![0]) + 1}`

/** The routes of a file, in their order. */
export const routes = listOf(route)

/** A route as a program gives it. */
export type RouteSettings = GivenFor<typeof route>

/** The action, of which there has to be one; undefined after a fault. */
function actionOf(found: Found, item: Item, path: string, faults: Faults): RouteAction | undefined {
  const given = ACTIONS.filter((action) => has(item, action))
  if (given.length === 0 && hasOnly(item, Object.keys(known)))
    faults.add(item.at, `${path} must have one of ${ACTIONS.join(', ')}`)
  if (given.length > 1)
    faults.add(
      placeOf(item, given[1]!),
      `${path} must have one of ${ACTIONS.join(', ')}, but has ${given.join(' and ')}`
    )
  if (has(item, 'split-by') && !has(item, 'split'))
    faults.add(placeOf(item, 'split-by'), `${path}.split-by needs split`)
  const { pool, split, redirect, respond } = found
  if (pool !== undefined) return { kind: 'pool', pool }
  if (split) return { kind: 'split', pools: split, isSteady: found['split-by'] === 'client' }
  if (redirect) return { kind: 'redirect', ...redirect }
  return respond && { kind: 'respond', ...respond }
}

function checkKeys(item: Item, path: string, faults: Faults): void {
  const answer = (['redirect', 'respond'] as const).find((action) => has(item, action))
  if (answer === undefined) return
  for (const key of OF_BACKENDS)
    if (has(item, key))
      faults.add(placeOf(item, key), `${path}.${key} has no effect beside ${answer}: no backend is asked`)
}

/** A prefix can be replaced only if every path of the match is one. */
function checkPrefixes({ match, rewrite, redirect }: Found, item: Item, path: string, faults: Faults): void {
  const isPrefix =
    match !== undefined && match.paths.length > 0 && match.paths.every(({ kind }) => kind === 'prefix')
  if (isPrefix || (has(item, 'match') && match === undefined)) return
  for (const [key, change] of [
    ['rewrite', rewrite?.path],
    ['redirect', redirect?.path]
  ] as const)
    if (change?.kind === 'prefix')
      faults.add(
        placeOf(item, key),
        `${path}.${key}.path-prefix needs match.path-prefix, and no other path: it replaces the prefix that has matched`
      )
}

function filtersOf(found: Found): RouteFilters {
  return {
    rewriteHost: found.rewrite?.host,
    rewritePath: found.rewrite?.path,
    requestHeaders: found['request-headers'],
    responseHeaders: found['response-headers'],
    mirror: found.mirror,
    timeoutMs: found.timeout,
    retries: found.retries,
    maxBodyBytes: found['max-body-size'],
    rateLimit: found['rate-limit'],
    allow: found.allow,
    deny: found.deny,
    errors: found.errors ?? []
  }
}

/** What is asked of a request, as a text that is the same for the same conditions in another order. */
export function keyOfMatch({ match, paths: reading }: RouteOptions): string {
  const { hosts, paths, methods, headers, query, clients, ports, tlsNames } = match
  const named = ({ name, anyOf }: NamedMatch) => `${name}=${keyOfList(anyOf)}`
  const plain = `${keyOfList(hosts)}\n${keyOfList(paths)}\n${keyOfList(methods)}\n${keyOfList(ports)}\n${keyOfList(tlsNames)}`
  const more = `${keyOfList(clients?.rules ?? [])}\n${keyOfList(headers.map(named))}\n${keyOfList(query.map(named))}`
  return `${reading === 'raw'}\n${plain}\n${more}`
}

function keyOfList(list: readonly unknown[]): string {
  if (list.length === 0) return ''
  if (list.length === 1) return JSON.stringify(list[0])
  return [...new Set(list.map((each) => JSON.stringify(each)))].sort().join()
}
