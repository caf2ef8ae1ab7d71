import type { Findings } from '../findings.js'
import { escaped } from '../regexps.js'
import { ANY, and, type Conditions, isEveryPath, isSame, type PathCondition } from './conditions.js'
import { narrowed } from './narrow.js'
import { covers, isAtLeast, type Single, singles } from './rank.js'
import { withoutRedundant } from './redundant.js'
import { isOfOtherSite, type Rule, replacesPrefix } from './rule.js'

/**
 * Rules of which the first applies, as routes, of which the most specific does: with rules added, and prefixes written as
 * regular expressions, where those would be taken in another order. Rules that are never reached are dropped.
 */
export function byPrecedence(rules: readonly Rule[], findings: Findings): Rule[] {
  const reached = withPrefixesBelowRegexps(reachedBehind([], rules))
  let later: Rule[] = []
  for (const rule of reached.reverse()) {
    const before: Rule[] = []
    for (const other of later)
      for (const when of outranking(rule, other)) {
        const [copy] = (when !== 'unknown' && narrowed(rule, when)) || []
        if (!copy) {
          findings.differs(
            rule.at,
            describe(rule.when),
            `what line ${other.at.line} takes as well comes there: it is the more specific route here`
          )
        } else if (!before.some((other) => isSame(other.when, copy.when)) && !isSame(copy.when, rule.when))
          before.push(copy)
      }
    // Those behind have been compared with each other already.
    const added = reachedBehind([], [...before, rule])
    later = [...added, ...reachedBehind(added, later)]
  }
  return withoutRedundant(later)
}

/** What others leave to rules that come behind them. With no others, those rules are compared with each other. */
function reachedBehind(others: readonly Rule[], rules: readonly Rule[]): Rule[] {
  const kept: Rule[] = []
  for (const rule of rules) {
    const before = others.length > 0 ? others : kept
    const reached = reachedPart(reachedPart(rule, 'hosts', before), 'paths', before)
    if (!before.some((other) => covers(other, reached))) kept.push(reached)
  }
  return kept
}

/** A rule without those of its hosts or paths that others take before it; as it is, if those are all. */
function reachedPart(rule: Rule, key: 'hosts' | 'paths', before: readonly Rule[]): Rule {
  const list: readonly unknown[] = rule.when[key]
  const having = (part: readonly unknown[]): Rule => ({ ...rule, when: { ...rule.when, [key]: part } })
  const left = list.filter((one) => {
    const part = having([one])
    return !before.some((other) => covers(other, part))
  })
  return left.length === 0 || left.length === list.length ? rule : having(left)
}

/** Where a rule with a regular expression comes before one with a prefix, which would rank above it, that becomes one too. */
function withPrefixesBelowRegexps(rules: readonly Rule[]): Rule[] {
  const all = [...rules]
  for (let i = 0; i < all.length; i++) {
    // What has become a regular expression itself has the same effect on those behind it.
    const first = all[i]!.when
    if (!first.paths.some(isAsRegexp)) continue
    for (let j = i + 1; j < all.length; j++) {
      const { when, does } = all[j]!
      if (replacesPrefix(does) || and(first, when) === 'never') continue
      if (isOfOtherSite(all[i]!, all[j]!) && !sharesHost(first, when)) continue
      const paths = when.paths.map((path) =>
        path.kind === 'below' && !isEveryPath(path) && overlaps(first.paths, path) ? asRegexp(path) : path
      )
      all[j] = { ...all[j]!, when: { ...when, paths } }
    }
  }
  return all
}

const sharesHost = (a: Conditions, b: Conditions) =>
  a.hosts.length === 0 ? b.hosts.length === 0 : a.hosts.some((host) => b.hosts.includes(host))
const isAsRegexp = (path: PathCondition) =>
  (path.kind === 'regexp' || path.kind === 'starts') && !isEveryPath(path)
const pathOnly = (path: PathCondition): Conditions => ({ ...ANY, paths: [path] })

function overlaps(paths: readonly PathCondition[], path: PathCondition): boolean {
  return paths.some((one) => isAsRegexp(one) && and(pathOnly(one), pathOnly(path)) !== 'never')
}

function asRegexp(path: PathCondition & { kind: 'below' }): PathCondition {
  return { kind: 'regexp', source: `^${escaped(path.path)}(?:/|$)` }
}

/** The conditions under which a later rule would be taken instead of one before it, each with those of that one. */
function outranking(rule: Rule, later: Rule): (Conditions | 'unknown')[] {
  const found: (Conditions | 'unknown')[] = []
  for (const one of singles(rule.when))
    for (const other of singles(later.when)) {
      if (isOfOtherSite(rule, later) && one.host !== other.host) continue
      const both = and(one.when, other.when)
      if (both === 'never' || isAtLeast(one, other)) continue
      found.push(both !== 'unknown' && ranksAbove(both, other) ? both : anotherWay(one, other))
    }
  return found
}

/** Both conditions without those that do not matter for the rank, where all together cannot be said. */
function anotherWay(one: Single, other: Single): Conditions | 'unknown' {
  for (const without of [{ paths: [] }, { clients: [] }, { paths: [], clients: [] }]) {
    const both = and(one.when, { ...other.when, ...without })
    if (typeof both !== 'string' && ranksAbove(both, other)) return both
  }
  return 'unknown'
}

const ranksAbove = (when: Conditions, other: Single) =>
  singles(when).every((single) => isAtLeast(single, other))

/** Conditions in a few words. */
export function describe(when: Conditions): string {
  const paths = when.paths.map((path) =>
    path.kind === 'regexp' ? `~ ${path.source}` : path.kind === 'starts' ? `${path.text}…` : path.path
  )
  const names = [...when.headers, ...when.query].map(({ name }) => name)
  return [...when.hosts, ...paths, ...when.methods, ...names, ...when.clients].join(' ') || 'any request'
}
