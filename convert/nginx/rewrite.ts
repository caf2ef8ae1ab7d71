import type { PathCondition } from '../rules/conditions.js'
import { patternOf, prefixChange } from '../rules/prefix-change.js'
import { type RedirectStatus, redirectTo } from '../rules/redirect.js'
import type { RouteSettings } from '../rules/rule.js'
import { templateOf } from './variables.js'

/** The redirect of a `rewrite`, with the paths that it is for; undefined if it cannot be said. */
export function redirectOf(
  [source = '', replacement = '']: readonly string[],
  status: RedirectStatus,
  serverName: string | undefined
): { paths: readonly PathCondition[]; does: RouteSettings; note: string | undefined } | undefined {
  const pattern = patternOf(source)
  if (pattern?.kind === 'exact' || (pattern && !replacement.includes('$1'))) {
    const drops = replacement.endsWith('?')
    const template = templateOf(replacement.replace(/\?$/, ''), serverName)
    // nginx puts the query of the request behind the replacement, unless that ends in "?".
    const target = template === undefined ? undefined : redirectTo(template, status)
    if (target && !target.isBehindText) {
      const paths: PathCondition[] =
        pattern.kind === 'exact'
          ? pattern.paths.map((path) => ({ kind: 'exact', path }))
          : [{ kind: 'starts', text: pattern.text || '/' }]
      const note = drops && target.keepsQuery ? 'the query of the request is kept' : undefined
      return { paths, does: { redirect: target.redirect }, note }
    }
  }
  const change = prefixChange(source, replacement.replace(/\?$/, ''))
  const template = change && templateOf(change.to, serverName)
  const target = template === undefined ? undefined : redirectTo(`${template}{uri}`, status)
  if (!change || !target) return undefined
  const { 'path-prefix': prefix, ...place } = target.redirect
  const redirect =
    change.from === '' && !target.isBehindText ? place : { ...place, 'path-prefix': prefix ?? '/' }
  return { paths: [{ kind: 'below', path: change.from || '/' }], does: { redirect }, note: change.note }
}
