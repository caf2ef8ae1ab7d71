import { type Directive, textOf } from '../directive.js'
import { asRe2 } from '../regexps.js'
import { ANY, and, type PathCondition } from '../rules/conditions.js'
import type { Context } from './context.js'
import { Scope } from './scope.js'

/** A `location`, with the place among the others that nginx tries it in. */
export interface Location {
  readonly directive: Directive
  readonly scope: Scope
  readonly kind: 'exact' | 'first-prefix' | 'regexp' | 'prefix' | 'named'
  /** A path, or an expression in RE2's syntax. */
  readonly text: string
}

/** The locations of a block and of those in it, in the order in which nginx prefers them. */
export function locationsOf(scope: Scope, context: Context): Location[] {
  const ORDER = ['exact', 'first-prefix', 'regexp', 'prefix', 'named']
  return unordered(scope, context).sort(
    (a, b) =>
      ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) ||
      (a.kind === 'regexp' ? 0 : b.text.length - a.text.length)
  )
}

function unordered(scope: Scope, context: Context, outer?: Location): Location[] {
  return scope.own('location').flatMap((directive) => {
    const inner = new Scope(directive.block ?? [], scope, directive.args)
    const found = locationOf(directive, inner)
    const location = found && outer ? within(found, outer) : found
    if (found && !location) {
      context.findings.leftOut(
        directive.at,
        textOf(directive),
        'it cannot be said for the paths of the location around it'
      )
      return []
    }
    if (!location) {
      context.findings.leftOut(
        directive.at,
        textOf(directive),
        'it is no path, or an expression whose time has no bound: it looks around, or refers back'
      )
      return []
    }
    return [location, ...unordered(inner, context, location)]
  })
}

/** A location that stands in another one, whose paths it is of as well; undefined if that cannot be said. */
function within(location: Location, outer: Location): Location | undefined {
  if (location.kind !== 'regexp') return location
  const both = and({ ...ANY, paths: [pathOf(outer)] }, { ...ANY, paths: [pathOf(location)] })
  const [path] = typeof both === 'object' ? both.paths : []
  return path?.kind === 'regexp' ? { ...location, text: path.source } : undefined
}

function locationOf(directive: Directive, scope: Scope): Location | undefined {
  const [modifier = '', rest] = directive.args
  const common = { directive, scope }
  if (rest === undefined) {
    const [, joined, text = ''] = /^(=|~\*|~|\^~)?(.*)$/s.exec(modifier)!
    if (joined) return locationOf({ ...directive, args: [joined, text] }, scope)
    if (text.startsWith('@')) return { ...common, kind: 'named', text }
    return text.startsWith('/') ? { ...common, kind: 'prefix', text } : undefined
  }
  if (/^(?:=|\^~)$/.test(modifier) && !rest.startsWith('/')) return undefined
  if (modifier === '=') return { ...common, kind: 'exact', text: rest }
  if (modifier === '^~') return { ...common, kind: 'first-prefix', text: rest }
  const source = asRe2(rest, modifier === '~*')
  return source === undefined ? undefined : { ...common, kind: 'regexp', text: source }
}

/** The condition on the path of a location. */
export function pathOf({ kind, text }: Location): PathCondition {
  if (kind === 'exact') return { kind: 'exact', path: text }
  if (kind === 'regexp') return { kind: 'regexp', source: text }
  return { kind: 'starts', text }
}
