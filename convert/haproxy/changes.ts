import { isHost } from '../../lib/base/values/check-values.js'
import type { Findings } from '../findings.js'
import { ANY, and, type Conditions } from '../rules/conditions.js'
import { type FieldChange, whyNotChanged, withFieldBefore } from '../rules/fields.js'
import { narrowed } from '../rules/narrow.js'
import { type PrefixChange, prefixChange } from '../rules/prefix-change.js'
import { changed } from '../rules/program.js'
import type { Rule } from '../rules/rule.js'
import { isDynamic, isSetAnyway } from './format.js'
import type { Line } from './parse.js'

const FIXED = 'values of fields are fixed texts, without samples'
const KINDS: Readonly<Record<string, FieldChange['kind']>> = {
  'set-header': 'set',
  'add-header': 'add',
  'del-header': 'remove'
}

/** The rules with a field of their requests changed; undefined if the action is another. */
export function fieldChange(
  action: string,
  words: readonly string[],
  { at, text }: Line,
  rest: readonly Rule[],
  isTls: boolean,
  findings: Findings
): Rule[] | undefined {
  const kind = KINDS[action]
  if (!kind) return undefined
  const [name = '', value = ''] = words
  if (isSetAnyway(name, value, isTls)) return [...rest]
  if (isDynamic(value)) {
    const isAddress = /^%\[src\]$|^%ci$/.test(value)
    findings.leftOut(at, text, isAddress ? "the client's address is the last one in X-Forwarded-For" : FIXED)
    return [...rest]
  }
  if (kind === 'remove' && words.length > 1) {
    findings.leftOut(at, text, 'fields are removed by their whole names')
    return [...rest]
  }
  if (name.toLowerCase() === 'host' && kind === 'set' && isHost(value))
    return changed(rest, (does) => ({ ...does, rewrite: { host: value, ...does.rewrite } }))
  const why = whyNotChanged(name, 'request')
  if (why !== undefined) findings.leftOut(at, text, why)
  if (why !== undefined) return [...rest]
  return changed(rest, (does) => withFieldBefore(does, 'request-headers', { kind, name, value }))
}

/** The rules with a field of their responses changed; undefined, with a finding, for another action. */
export function responseChange(
  action: string,
  words: readonly string[],
  { at, text }: Line,
  rest: readonly Rule[],
  findings: Findings
): Rule[] | undefined {
  const kind = KINDS[action]
  const [name = '', value = ''] = words
  const why = whyNotChanged(name, 'response')
  if (!kind || why !== undefined || isDynamic(value) || (kind === 'remove' && words.length > 1)) {
    findings.leftOut(at, text, kind ? (why ?? FIXED) : 'not understood')
    return undefined
  }
  return changed(rest, (does) => withFieldBefore(does, 'response-headers', { kind, name, value }))
}

/** The rules with the path changed on the way to the backend; undefined if the action is another. */
export function pathChange(
  action: string,
  words: readonly string[],
  line: Line,
  rest: readonly Rule[],
  findings: Findings
): Rule[] | undefined {
  if (!/^(?:set|replace)-(?:path|pathq|uri)$/.test(action)) return undefined
  const [first = '', second = ''] = words
  if (action === 'set-path' && first.startsWith('/') && !isDynamic(first))
    return changed(rest, (does) => ({ ...does, rewrite: { path: first, ...does.rewrite } }))
  const change = changeBy(action, first, second)
  const rules = change && withPrefix(rest, change)
  if (!rules) {
    findings.leftOut(
      line.at,
      line.text,
      'only a path, or the prefix of a path, can be put in the place of another'
    )
    return [...rest]
  }
  if (change.note) findings.differs(line.at, line.text, change.note)
  return rules
}

/** `replace-path ^/api/(.*) /\1`, or `set-path %[path,regsub(^/api/?,/)]`. */
function changeBy(action: string, first: string, second: string): PrefixChange | undefined {
  if (action.startsWith('replace')) {
    // Of two groups the first is the slash between: "/api(/)?(.*)" and "/\2".
    const source = first.replace('(/)?(.*)', '/?(.*)')
    const isSecond = source !== first
    const anchored = source.startsWith('^') ? source : `^${source}`
    return prefixChange(anchored, second.replace(isSecond ? '\\2' : '\\1', '$1'))
  }
  const [, from, to] =
    /^%\[(?:path|pathq|url),regsub\(["']?\^([^,]*?)["']?,["']?([^,]*?)["']?(?:,g)?\)\]$/.exec(first) ?? []
  return from === undefined ? undefined : prefixChange(`^${from}(.*)$`, `${to}$1`)
}

/** Rules whose paths below a prefix are changed on their way, each before the one that it is taken from. */
function withPrefix(rest: readonly Rule[], { from, to }: PrefixChange): Rule[] | undefined {
  const below: Conditions = { ...ANY, paths: [{ kind: 'below', path: from || '/' }] }
  const found: Rule[] = []
  for (const rule of rest) {
    const { at, when, does } = rule
    const both = does.pool ? and(when, below) : 'never'
    if (both === 'unknown' || (does.rewrite?.path ?? does.rewrite?.['path-prefix']) !== undefined)
      return undefined
    if (both !== 'never') {
      const rewrite = { ...does.rewrite, 'path-prefix': to || '/' }
      const narrow = narrowed({ at, when: below, does: { ...does, rewrite } }, both)
      if (!narrow) return undefined
      found.push(...narrow)
    }
    found.push(rule)
  }
  return found
}
