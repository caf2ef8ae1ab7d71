import { isEditableInResponse } from '../../routing/filters/field-edits.js'
import type { FieldLines, FixedResponse, PathChange, Redirect, WeightedPool } from '../../routing/options.js'
import { has, keys, listOf, mapOf, oneOrMore } from '../shapes/collections.js'
import { anyText, wholeNumber, word } from '../shapes/scalars.js'
import { described, refined, type Shape } from '../shapes/shape.js'
import { fieldNameFault, fieldValue, host, name, path, pathPrefix, port } from './texts.js'

const MAX_WEIGHT = 1_000_000
const REDIRECT_STATUS = [301, 302, 303, 307, 308] as const
/** Answers that have no body (RFC 9110 section 15). */
const BODILESS = new Set([204, 205, 304])

const part = keys({
  pool: { shape: name, description: 'The name of a pool.', isRequired: true },
  weight: {
    shape: wholeNumber(0, MAX_WEIGHT),
    description: 'Its share, in proportion to the others; 1 by default.'
  }
})

/** Pools that share the requests of a route. */
export const split = refined(
  listOf(part),
  (parts, item, path, faults): readonly WeightedPool[] => {
    const pools = parts.flatMap(({ pool, weight = 1 }) => (pool === undefined ? [] : [{ pool, weight }]))
    const names = pools.map(({ pool }) => pool)
    const twice = names.find((each, index) => names.indexOf(each) !== index)
    if (twice !== undefined) faults.add(item.at, `${path} must name each pool once, but names ${twice} twice`)
    if (pools.length > 0 && pools.length === parts.length && pools.every(({ weight }) => weight === 0))
      faults.add(item.at, `${path} must have a weight above 0`)
    return pools
  },
  { contains: { not: { properties: { weight: { const: 0 } }, required: ['weight'] } } }
)

/** The change of a path, of the keys `path` and `path-prefix`, of which there can be only one. */
export function pathChange(
  found: { readonly path: string | undefined; readonly 'path-prefix': string | undefined },
  tell: (message: string) => void
): PathChange | undefined {
  const { path: full, 'path-prefix': replacement } = found
  if (full !== undefined && replacement !== undefined) tell('must have either path or path-prefix')
  if (full !== undefined) return { kind: 'full', path: full }
  return replacement === undefined ? undefined : { kind: 'prefix', replacement }
}

export const pathKeys = {
  path: { shape: path, description: 'A whole path in place of that of the request.' },
  'path-prefix': {
    shape: pathPrefix,
    description: 'What stands in the place of the prefix by which the route has matched; `/` to cut it off.'
  }
} as const

const redirectStatus: Shape<Redirect['statusCode'], (typeof REDIRECT_STATUS)[number]> = {
  read: (item, path, faults) => {
    const status = REDIRECT_STATUS.find((each) => item.kind === 'scalar' && item.value === each)
    if (status === undefined)
      faults.add(item.at, `${path} must be one of ${REDIRECT_STATUS.join(', ')}, but ${described(item)}`)
    return status
  },
  json: { enum: REDIRECT_STATUS }
}

const target = {
  scheme: { shape: word(['http', 'https']), description: 'Another scheme.' },
  host: { shape: host, description: 'Another host, without port.' },
  port: { shape: port, description: 'Another port.' },
  ...pathKeys
} as const

/** Where a client is sent to. */
export const redirect = refined(
  keys(
    {
      ...target,
      status: {
        shape: redirectStatus,
        description: 'Status: 301, 302, 303, 307 or 308; by default 302 for GET and HEAD, and 307 for others.'
      }
    },
    {
      anyOf: Object.keys(target).map((key) => ({ required: [key] })),
      not: { required: Object.keys(pathKeys) }
    }
  ),
  (found, item, path, faults): Redirect => {
    if (!Object.keys(target).some((key) => has(item, key)))
      faults.add(
        item.at,
        `${path} must have scheme, host, port, path or path-prefix: it would lead to itself`
      )
    const { scheme, host, port, status: statusCode } = found
    const tell = (message: string) => faults.add(item.at, `${path} ${message}`)
    return { statusCode, scheme, host, port, path: pathChange(found, tell) }
  }
)

/**
 * Fields of a message, each with one value or several.
 * @param isEditable whether a field can be set
 */
export function fieldLines(isEditable: (name: string) => boolean) {
  const lines = mapOf(oneOrMore(fieldValue), editableFault(isEditable))
  return refined(
    lines,
    (all): FieldLines => all.flatMap(([name, values]) => values.map((value) => [name, value] as const))
  )
}

/** What is wrong with the name of a field that is set or removed; undefined for nothing. */
export function editableFault(isEditable: (name: string) => boolean): (name: string) => string | undefined {
  return (name) =>
    fieldNameFault(name) ?? (isEditable(name) ? undefined : 'is a field that the balancer alone can set')
}

/** What the balancer answers itself. */
export const respond = refined(
  keys({
    status: { shape: wholeNumber(200, 599), description: 'Status, from 200 to 599; 200 by default.' },
    headers: {
      shape: fieldLines(isEditableInResponse),
      description: 'Fields, each with a value or a list of values.'
    },
    body: { shape: anyText, description: 'The body; empty by default.' }
  }),
  ({ status: statusCode = 200, headers = [], body = '' }, item, path, faults): FixedResponse => {
    if (BODILESS.has(statusCode) && body !== '')
      faults.add(item.at, `${path} must have no body: an answer with status ${statusCode} has none`)
    return { statusCode, headers, body }
  }
)
