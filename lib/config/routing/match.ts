import { addressRanges } from '../../base/values/values.js'
import type { NamedMatch, PathMatch, RouteMatch, TextMatch } from '../../routing/options.js'
import { keys, mapOf, oneOrMore } from '../shapes/collections.js'
import { setting } from '../shapes/scalars.js'
import { described, type GivenFor, refined, type Shape } from '../shapes/shape.js'
import {
  fieldNameFault,
  fieldValue,
  hostPattern,
  method,
  path,
  pathPattern,
  pathPrefix,
  pattern,
  port,
  rawPath,
  rawPathPrefix
} from './texts.js'

const matched = keys({ regexp: { shape: pattern, description: 'A regular expression.', isRequired: true } })

/** A text that has to be equal, `true` for presence, or a regular expression. */
const textMatch: Shape<TextMatch, GivenFor<typeof fieldValue> | true | GivenFor<typeof matched>> = {
  read: (item, path, faults) => {
    if (item.kind === 'scalar' && item.value === true) return true
    if (item.kind === 'map') return matched.read(item, path, faults)?.regexp
    if (item.kind === 'scalar' && item.value !== null && item.value !== false)
      return fieldValue.read(item, path, faults)
    faults.add(item.at, `${path} must be a text, true for any, or a map with regexp, but ${described(item)}`)
    return undefined
  },
  json: { anyOf: [fieldValue.json, { const: true }, matched.json] }
}

const textMatches = oneOrMore(textMatch)

const namedMatches = (all: [string, TextMatch[]][]): NamedMatch[] =>
  all.map(([name, anyOf]) => ({ name, anyOf }))

const headers = refined(mapOf(textMatches, headerFault), (all, item, path, faults) => {
  const seen = new Set<string>()
  for (const [name] of all) {
    if (seen.has(name.toLowerCase()))
      faults.add(item.at, `${path}.${name} is given twice: case does not count`)
    seen.add(name.toLowerCase())
  }
  return namedMatches(all.map(([name, anyOf]) => [name.toLowerCase(), anyOf]))
})

function headerFault(name: string): string | undefined {
  if (name.toLowerCase() === 'host') return 'must be said by match.host'
  // Node drops it.
  if (name === '__proto__') return 'is a field that no request has here'
  return fieldNameFault(name)
}

const query = refined(
  mapOf(textMatches, (name) => (name === '' ? 'must have a name' : undefined)),
  namedMatches
)

const known = {
  host: {
    shape: oneOrMore(hostPattern),
    description: 'Hosts, without port: exact, or `*.example.com` for all below one.'
  },
  path: { shape: oneOrMore(path), description: 'Whole paths, without query.' },
  'path-prefix': {
    shape: oneOrMore(pathPrefix),
    description: 'First segments of paths: `/v2` for `/v2` and `/v2/x`, not for `/v20`.'
  },
  'path-regexp': {
    shape: oneOrMore(pathPattern),
    description: 'Regular expressions (RE2) that match somewhere in the path, unless `^` and `$` say where.'
  },
  method: { shape: oneOrMore(method), description: 'Methods.' },
  headers: {
    shape: headers,
    description:
      'Fields by their names: a text that has to be equal, `true` for any, or `{ regexp: … }`; or a list of those.'
  },
  query: { shape: query, description: 'Parameters of the query, in the same way.' },
  client: { shape: setting(addressRanges()), description: 'Addresses and CIDR ranges of clients.' },
  port: { shape: oneOrMore(port), description: 'Ports of the balancer.' },
  'tls-name': {
    shape: oneOrMore(hostPattern),
    description: 'Names that clients ask for in the TLS handshake (SNI), as `host`.'
  }
} as const

const rawKnown = {
  ...known,
  path: { ...known.path, shape: oneOrMore(rawPath) },
  'path-prefix': { ...known['path-prefix'], shape: oneOrMore(rawPathPrefix) }
}

function matchBy(keysOfMatch: typeof known) {
  const conditions = keys(keysOfMatch, {}, 'is empty: leave it out for all requests')
  const shape: Shape<RouteMatch, GivenFor<typeof conditions>> = {
    json: conditions.json,
    read: (item, path, faults) => {
      const before = faults.count
      const found = conditions.read(item, path, faults)
      if (found === undefined || faults.count > before) return undefined
      return {
        hosts: found.host ?? [],
        paths: [
          ...(found.path ?? []).map((path): PathMatch => ({ kind: 'exact', path })),
          ...(found['path-prefix'] ?? []).map((path): PathMatch => ({ kind: 'prefix', path })),
          ...(found['path-regexp'] ?? []).map((pattern): PathMatch => ({ kind: 'regexp', pattern }))
        ],
        methods: found.method ?? [],
        headers: found.headers ?? [],
        query: found.query ?? [],
        clients: found.client,
        ports: found.port ?? [],
        tlsNames: found['tls-name'] ?? []
      }
    }
  }
  return shape
}

/** What a request has to be for a route; undefined after any fault, as what is left would match other requests. */
export const match = matchBy(known)

/** The same for a route that reads paths raw. */
export const rawMatch = matchBy(rawKnown)
