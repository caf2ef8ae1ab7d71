import type { Conditions, PathCondition } from './conditions.js'
import { type RouteSettings, type Rule, replacesPrefix } from './rule.js'

/**
 * A rule for a part of what it was for. One that puts something in the place of a prefix becomes one for each path, as what
 * stands in its place goes with it. Undefined if that cannot be said, as for a regular expression.
 */
export function narrowed(rule: Rule, when: Conditions): Rule[] | undefined {
  if (!replacesPrefix(rule.does)) return [{ ...rule, when }]
  const [before] = rule.when.paths
  if (before?.kind !== 'below' || rule.when.paths.length !== 1) return undefined
  const found: Rule[] = []
  for (const path of when.paths) {
    const now = inSegments(path)
    if (!now) return undefined
    const start = before.path === '/' && now.path !== '/' ? 0 : before.path.length
    const rest = now.path.slice(start)
    found.push({
      ...rule,
      when: { ...when, paths: [now] },
      does: rest === '' && now.kind === 'below' ? rule.does : moved(rule.does, rest, now.kind)
    })
  }
  return found
}

/** A condition as one that a prefix can be replaced under. */
function inSegments(path: PathCondition): (PathCondition & { kind: 'exact' | 'below' }) | undefined {
  if (path.kind === 'regexp') return undefined
  if (path.kind !== 'starts') return path
  return { kind: 'below', path: path.text.replace(/(?!^)\/$/, '') }
}

/** Settings whose prefix is longer by `rest`, or which are for one path alone. */
function moved(
  { rewrite, redirect, ...others }: RouteSettings,
  rest: string,
  kind: 'exact' | 'below'
): RouteSettings {
  const key = kind === 'below' ? 'path-prefix' : 'path'
  const change = <T extends { readonly 'path-prefix'?: string }>(value: T) => {
    const { 'path-prefix': prefix, ...kept } = value
    if (prefix === undefined) return value
    const path = `${prefix === '/' ? '' : prefix}${rest}`
    return { ...kept, [key]: path || '/' }
  }
  return {
    ...others,
    ...(redirect && { redirect: change(redirect) }),
    ...(rewrite && { rewrite: change(rewrite) })
  }
}
