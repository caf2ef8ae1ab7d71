import { escaped } from '../regexps.js'
import { type Conditions, isEveryPath, type NamedCondition, type PathCondition } from './conditions.js'
import { type Rule, replacesPrefix } from './rule.js'

/** A value by itself, or a list of several. */
const oneOrAll = <T>(values: readonly T[]) => (values.length === 1 ? values[0] : values)

/** A rule as a route of the file. */
export function routeOf({ when, does }: Rule): Record<string, unknown> {
  const match = matchOf(when, replacesPrefix(does))
  const { pool, split, redirect, respond, ...others } = does
  return {
    ...(Object.keys(match).length > 0 && { match }),
    ...(pool !== undefined && { pool }),
    ...(split && { split }),
    ...(redirect && { redirect }),
    ...(respond && { respond }),
    ...others
  }
}

function matchOf(when: Conditions, needsPrefix: boolean): Record<string, unknown> {
  const match: Record<string, unknown> = {}
  const put = (key: string, values: readonly unknown[]) => {
    if (values.length > 0) match[key] = oneOrAll(values)
  }
  const isAll = when.paths.some(isEveryPath) && !needsPrefix
  const paths = isAll ? [] : when.paths
  put('host', when.hosts)
  put(
    'path',
    paths.flatMap((path) => (path.kind === 'exact' ? [path.path] : []))
  )
  put(
    'path-prefix',
    paths.flatMap((path) => (path.kind === 'below' ? [path.path] : []))
  )
  put('path-regexp', paths.flatMap(regexpOf))
  put('method', when.methods)
  if (when.headers.length > 0) match.headers = named(when.headers)
  if (when.query.length > 0) match.query = named(when.query)
  put('client', when.clients)
  return match
}

function regexpOf(path: PathCondition): string[] {
  if (path.kind === 'regexp') return [path.source]
  return path.kind === 'starts' ? [`^${escaped(path.text)}`] : []
}

function named(conditions: readonly NamedCondition[]): Record<string, unknown> {
  return Object.fromEntries(conditions.map(({ name, anyOf }) => [name, oneOrAll(anyOf)]))
}
