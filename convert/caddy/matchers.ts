import type { Directive } from '../directive.js'
import { asRe2, escaped } from '../regexps.js'
import {
  ANY,
  and,
  type Conditions,
  type NamedCondition,
  type PathCondition,
  type TextCondition
} from '../rules/conditions.js'
import type { Alternative } from '../rules/program.js'
import { isRange, PRIVATE_RANGES } from '../values.js'

/** When a directive applies: under one of these, or why that is not understood. */
export type When = readonly Alternative[] | { readonly why: string }

/** Whether it is not understood when a directive applies. */
export const isUnclear = (when: When): when is { readonly why: string } => 'why' in when

const ALWAYS: When = [{ all: ANY, none: [] }]

/** The matcher in front of the arguments of a directive, and the arguments without it. */
export function matcherOf(
  args: readonly string[],
  named: ReadonlyMap<string, When>
): { readonly when: When; readonly rest: readonly string[] } {
  const [first = '', ...rest] = args
  if (first === '*') return { when: ALWAYS, rest }
  if (first.startsWith('@'))
    return { when: named.get(first) ?? { why: `there is no matcher ${first}` }, rest }
  if (!first.startsWith('/')) return { when: ALWAYS, rest: args }
  const path = pathOf(first)
  return {
    when: path ? [{ all: { ...ANY, paths: [path] }, none: [] }] : { why: `no match is like ${first}` },
    rest
  }
}

/** A path of a matcher, in which `*` may stand. Caddy does not tell capitals from small letters in it. */
export function pathOf(text: string): PathCondition | undefined {
  if (text === '*' || text === '/*') return { kind: 'starts', text: '/' }
  const stars = text.split('*').length - 1
  if (stars === 0) return text.startsWith('/') ? { kind: 'exact', path: text } : undefined
  if (stars === 1 && text.endsWith('*')) return { kind: 'starts', text: text.slice(0, -1) }
  if (stars === 1 && text.startsWith('*')) return { kind: 'regexp', source: `${escaped(text.slice(1))}$` }
  if (stars === 2 && /^\*[^*]*\*$/.test(text)) return { kind: 'regexp', source: escaped(text.slice(1, -1)) }
  // Within a path, a star stands for a part of a segment.
  return { kind: 'regexp', source: `^${text.split('*').map(escaped).join('[^/]*')}$` }
}

/** All matchers that are declared as `@name`. */
export function namedMatchers(directives: readonly Directive[], isTls: boolean): Map<string, When> {
  const found = new Map<string, When>()
  for (const { name, args, block } of directives) {
    if (!name.startsWith('@')) continue
    const [kind, ...values] = args
    const lines =
      block ??
      (kind === undefined ? [] : [{ name: kind, args: values, block: undefined, at: { file: '', line: 0 } }])
    found.set(name, whenAll(lines, isTls))
  }
  return found
}

/** The paths of matchers that have a single one. */
export function singlePaths(directives: readonly Directive[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const { name, args, block } of directives) {
    if (!name.startsWith('@')) continue
    const paths =
      args[0] === 'path'
        ? args.slice(1)
        : (block ?? []).flatMap((line) => (line.name === 'path' ? line.args : []))
    if (paths.length === 1) found.set(name, paths[0]!)
  }
  return found
}

/** All lines of a matcher have to fit; lines of the same kind are one, of which one value has to. */
function whenAll(lines: readonly Directive[], isTls: boolean): When {
  let all: Conditions = ANY
  const none: Conditions[] = []
  for (const [kind, group] of grouped(lines)) {
    if (kind === 'not') {
      for (const line of group) {
        const inner = whenAll(
          line.block ?? [{ ...line, name: line.args[0] ?? '', args: line.args.slice(1) }],
          isTls
        )
        if (isUnclear(inner)) return inner
        if (inner.some((one) => one.none.length > 0)) return { why: 'it is negated twice' }
        none.push(...inner.map((one) => one.all))
      }
      continue
    }
    const condition = conditionOf(kind, group, isTls)
    if (condition === 'never') return []
    const both = condition && and(all, condition.all)
    if (!condition || both === 'unknown')
      return { why: `no match of a route asks for "${kind} ${group[0]!.args.join(' ')}"` }
    if (both === 'never' || both === undefined) return []
    all = both
    none.push(...condition.none)
  }
  return [{ all, none }]
}

/** Lines by their names; fields and `not` are each a condition of their own. */
function grouped(lines: readonly Directive[]): [kind: string, lines: Directive[]][] {
  const found: [string, Directive[]][] = []
  for (const line of lines) {
    const same = /^(?:path|method|host|remote_ip|client_ip|query)$/.test(line.name)
    const before = same ? found.find(([kind]) => kind === line.name) : undefined
    if (before) before[1].push(line)
    else found.push([line.name, [line]])
  }
  return found
}

function conditionOf(
  kind: string,
  lines: readonly Directive[],
  isTls: boolean
): Alternative | 'never' | undefined {
  const values = lines.flatMap(({ args }) => args)
  const one = (all: Partial<Conditions>): Alternative => ({ all: { ...ANY, ...all }, none: [] })
  switch (kind) {
    case 'path': {
      const paths = values.map(pathOf)
      return paths.includes(undefined) ? undefined : one({ paths: paths as PathCondition[] })
    }
    case 'path_regexp': {
      const source = asRe2(values.at(-1) ?? '')
      return source === undefined ? undefined : one({ paths: [{ kind: 'regexp', source }] })
    }
    case 'method':
      return one({ methods: values.map((value) => value.toUpperCase()) })
    case 'host':
      return values.every(isHost) ? one({ hosts: values.map((value) => value.toLowerCase()) }) : undefined
    case 'remote_ip':
    case 'client_ip':
      return clientsOf(values, one)
    case 'protocol':
      if (/^https?$/.test(values[0] ?? '')) return (values[0] === 'https') === isTls ? one({}) : 'never'
      if (values[0] !== 'grpc') return undefined
      return one({ headers: [{ name: 'content-type', anyOf: [{ regexp: '^application/grpc' }] }] })
    case 'header':
      return fieldOf(values, one)
    case 'header_regexp': {
      const source = asRe2(values.at(-1) ?? '')
      const name = values.at(-2)
      if (source === undefined || name === undefined || name.toLowerCase() === 'host') return undefined
      return one({ headers: [{ name: name.toLowerCase(), anyOf: [{ regexp: source }] }] })
    }
    case 'query':
      return queryOf(values, one)
    default:
      return undefined
  }
}

type One = (all: Partial<Conditions>) => Alternative

const isHost = (text: string) => /^(?:\*\.)?[a-z\d-]+(?:\.[a-z\d-]+)*$|^\[?[\da-f:.]+\]?$/i.test(text)

function clientsOf(values: readonly string[], one: One): Alternative | undefined {
  const clients = values
    .filter((value) => value !== 'forwarded')
    .flatMap((value) => (value === 'private_ranges' ? PRIVATE_RANGES : [value]))
  return clients.every(isRange) &&
    clients.length ===
      values.flatMap((value) => (value === 'private_ranges' ? PRIVATE_RANGES : [value])).length
    ? one({ clients })
    : undefined
}

/** A value in which `*` stands at its ends for anything. */
function textOf(value: string): TextCondition {
  if (value === '*') return true
  const [starts, ends] = [value.startsWith('*'), value.endsWith('*')]
  const inner = value.slice(starts ? 1 : 0, ends ? -1 : undefined)
  if (!starts && !ends) return value
  return { regexp: `${starts ? '' : '^'}${escaped(inner)}${ends ? '' : '$'}` }
}

function fieldOf([name = '', value]: readonly string[], one: One): Alternative | undefined {
  const key = name.replace(/^!/, '').toLowerCase()
  if (key === 'host') return undefined
  if (name.startsWith('!')) return { all: ANY, none: [{ ...ANY, headers: [{ name: key, anyOf: [true] }] }] }
  return one({ headers: [{ name: key, anyOf: [value === undefined ? true : textOf(value)] }] })
}

function queryOf(values: readonly string[], one: One): Alternative | undefined {
  const found = new Map<string, TextCondition[]>()
  for (const pair of values) {
    const [, name, value] = /^([^=]+)=(.*)$/.exec(pair) ?? []
    if (name === undefined) return undefined
    const is = value === '*' ? true : value!
    if (typeof is === 'string' && is.includes('*')) return undefined
    found.set(name, [...(found.get(name) ?? []), is])
  }
  const query: NamedCondition[] = [...found].map(([name, anyOf]) => ({ name, anyOf }))
  return one({ query })
}
