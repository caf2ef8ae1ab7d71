import { apartFromFlag, escaped } from '../regexps.js'
import { ANY, and, type PathCondition } from './conditions.js'
import { narrowed } from './narrow.js'
import { type Rule, replacesPrefix } from './rule.js'

/**
 * Rules whose paths are those that are left when a prefix has been cut, as rules for the paths with the prefix, which cut
 * it. Undefined if a rule cannot be said so.
 * @param prefix as it stands before what is left; empty for none
 * @param added what is put in front of what is left; empty for nothing
 */
export function behindPrefix(rules: readonly Rule[], prefix: string, added = ''): Rule[] | undefined {
  const found: Rule[] = []
  for (const rule of rules) {
    const moved = one(rule, prefix, added)
    if (!moved) return undefined
    found.push(...moved)
  }
  return found
}

function one({ at, when, does }: Rule, prefix: string, added: string): Rule[] | undefined {
  const paths = when.paths.map((path) => behind(path, prefix))
  const whole: PathCondition = { kind: 'below', path: prefix || '/' }
  const conditions = { ...when, paths: paths.length > 0 ? paths : [whole] }
  if (does.respond) return [{ at, when: conditions, does }]
  if (does.redirect) {
    // A path of its own is one of the client's; what is left of the request's is not known to it.
    const isWhole = does.redirect.path === undefined && does.redirect['path-prefix'] === undefined
    return isWhole || replacesPrefix(does) ? undefined : [{ at, when: conditions, does }]
  }
  const { rewrite } = does
  if (rewrite?.path !== undefined) return [{ at, when: conditions, does }]
  if (rewrite?.['path-prefix'] !== undefined) {
    // What is replaced begins with the prefix as well.
    return conditions.paths.every(({ kind }) => kind === 'below')
      ? [{ at, when: conditions, does }]
      : undefined
  }
  if (prefix === '' && added === '') return [{ at, when, does }]
  const cut: Rule = {
    at,
    when: { ...ANY, paths: [whole] },
    does: { ...does, rewrite: { ...rewrite, 'path-prefix': added || '/' } }
  }
  const both = and(conditions, cut.when)
  return typeof both === 'object' ? narrowed(cut, both) : undefined
}

function behind(path: PathCondition, prefix: string): PathCondition {
  switch (path.kind) {
    case 'exact':
      return { kind: 'exact', path: prefix + path.path }
    case 'below':
      return { kind: 'below', path: path.path === '/' ? prefix || '/' : prefix + path.path }
    case 'starts':
      return path.text === '/'
        ? { kind: 'below', path: prefix || '/' }
        : { kind: 'starts', text: prefix + path.text }
    default: {
      const [flag, source] = apartFromFlag(path.source)
      const rest = source.startsWith('^') ? source.slice(1) : `/.*${source}`
      return { kind: 'regexp', source: prefix === '' ? path.source : `${flag}^${escaped(prefix)}${rest}` }
    }
  }
}
