import type { Findings } from '../findings.js'
import { escaped } from '../regexps.js'
import { ANY, and, type Conditions, isEveryPath, isSame, type PathCondition } from './conditions.js'
import { narrowed } from './narrow.js'
import { covers, isAtLeast, type Single, singles } from './rank.js'
import { withoutRedundant } from './redundant.js'
import { isOfOtherSite, type Rule, replacesPrefix } from './rule.js'
import { byPlace, RuleList } from './rule-list.js'

/**
 * Rules of which the first applies, as routes, of which the most specific does: with rules added, and prefixes written as
 * regular expressions, where those would be taken in another order. Rules that are never reached are dropped.
 */
export function byPrecedence(rules: readonly Rule[], findings: Findings): Rule[] {
  const reached = withPrefixesBelowRegexps(reachedOf(rules))
  const later = new RuleList()
  for (const rule of reached.reverse()) {
    const before: Rule[] = []
    const add = (copy: Rule) => {
      if (!before.some((one) => isSame(one.when, copy.when)) && !isSame(copy.when, rule.when))
        before.push(copy)
    }
    const above = later.near(rule.when).filter(({ rule: other }) => mayOutrank(rule, other))
    for (const { rule: other } of above.sort(byPlace))
      for (const { when, one, by } of outranking(rule, other)) {
        const [copy] = (when !== 'unknown' && narrowed(rule, when)) || []
        const copies = copy ? [copy] : bySegments(rule, one, other, by)
        for (const each of copies ?? []) add(each)
        if (!copies || (!copy && !endsWithSlash(one))) tell(rule, other, findings)
      }
    // Those behind have been compared with each other already.
    const added = reachedOf([...before, rule])
    for (const behind of new Set(added.flatMap(({ when }) => later.near(when))))
      later.replace(behind, reachedBehind(added, behind.rule))
    later.prepend(added)
  }
  return withoutRedundant(later)
}

/** Rules without what those before them take. */
function reachedOf(rules: readonly Rule[]): Rule[] {
  const kept = new RuleList()
  for (const rule of rules) {
    const before = kept.near(rule.when).map((placed) => placed.rule)
    const reached = reachedBehind(before, rule)
    if (reached) kept.append(reached)
  }
  return kept.rules
}

/** What others leave to a rule that comes behind them; undefined for nothing. */
function reachedBehind(before: readonly Rule[], rule: Rule): Rule | undefined {
  const reached = reachedPart(reachedPart(rule, 'hosts', before), 'paths', before)
  return before.some((other) => covers(other, reached)) ? undefined : reached
}

/** A rule without those of its hosts or paths that others take before it; as it is, if those are all. */
function reachedPart(rule: Rule, key: 'hosts' | 'paths', before: readonly Rule[]): Rule {
  const list: readonly unknown[] = rule.when[key]
  if (list.length < 2) return rule
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
  const given = new RuleList(rules)
  // Of thousands of expressions each may take what any other does, but only prefixes are changed.
  for (const placed of given.placed)
    if (!placed.rule.when.paths.some(isPrefix)) given.replace(placed, undefined)
  for (let place = 0; place < all.length; place++) {
    // What has become a regular expression itself has the same effect on those behind it.
    const first = all[place]!
    if (!first.when.paths.some(isAsRegexp)) continue
    for (const { place: behind } of given.near(first.when)) {
      if (behind <= place) continue
      const other = all[behind]!
      if (!other.when.paths.some(isPrefix)) continue
      if (replacesPrefix(other.does) || and(first.when, other.when) === 'never') continue
      if (isOfOtherSite(first, other) && !sharesHost(first.when, other.when)) continue
      const paths = other.when.paths.map((path) =>
        isPrefix(path) && overlaps(first.when.paths, path) ? asRegexp(path) : path
      )
      all[behind] = { ...other, when: { ...other.when, paths } }
    }
  }
  return all
}

const sharesHost = (a: Conditions, b: Conditions) =>
  a.hosts.length === 0 ? b.hosts.length === 0 : a.hosts.some((host) => b.hosts.includes(host))
const isAsRegexp = (path: PathCondition) =>
  (path.kind === 'regexp' || path.kind === 'starts') && !isEveryPath(path)
const isPrefix = (path: PathCondition): path is PathCondition & { kind: 'below' } =>
  path.kind === 'below' && !isEveryPath(path)
const pathOnly = (path: PathCondition): Conditions => ({ ...ANY, paths: [path] })

function overlaps(paths: readonly PathCondition[], path: PathCondition): boolean {
  return paths.some((one) => isAsRegexp(one) && and(pathOnly(one), pathOnly(path)) !== 'never')
}

function asRegexp(path: PathCondition & { kind: 'below' }): PathCondition {
  return { kind: 'regexp', source: `^${escaped(path.path)}(?:/|$)` }
}

/** Names what a rule loses. What is not refused any more counts as left out. */
function tell({ at, when, does }: Rule, other: Rule, findings: Findings): void {
  const why = `what line ${other.at.line} takes as well comes there: it is the more specific route here`
  if ((does.respond?.status ?? 0) >= 400) findings.leftOut(at, describe(when), why)
  else findings.differs(at, describe(when), why)
}

/** How a part of a rule is outranked by a part of a later one, and the conditions that would have both. */
interface Outranked {
  readonly one: Single
  readonly by: Single
  readonly when: Conditions | 'unknown'
}

/** Whether any part of a later rule ranks above any part of one before it. */
const mayOutrank = (rule: Rule, later: Rule) =>
  singles(rule.when).some((one) => singles(later.when).some((by) => !isAtLeast(one, by)))

/** The conditions under which a later rule would be taken instead of one before it. */
function outranking(rule: Rule, later: Rule): Outranked[] {
  const found: Outranked[] = []
  for (const one of singles(rule.when))
    for (const by of singles(later.when)) {
      if (isOfOtherSite(rule, later) && one.host !== by.host) continue
      if (isAtLeast(one, by)) continue
      const both = and(one.when, by.when)
      if (both === 'never') continue
      found.push({ one, by, when: both !== 'unknown' && ranksAbove(both, by) ? both : anotherWay(one, by) })
    }
  return found
}

const endsWithSlash = ({ path }: Single) => path?.kind === 'starts' && path.text.endsWith('/')

/**
 * What begins with a text below a prefix that has to stay one, as a prefix of its own, which is longer. The path before a
 * slash at its end goes on to the other rule.
 */
function bySegments(rule: Rule, one: Single, other: Rule, by: Single): Rule[] | undefined {
  if (one.path?.kind !== 'starts' || by.path?.kind !== 'below') return undefined
  const path = one.path.text.replace(/\/$/, '')
  const when = and({ ...one.when, paths: [{ kind: 'below', path }] }, by.when)
  if (typeof when === 'string' || !ranksAbove(when, by)) return undefined
  const own = narrowed(rule, when)
  const bare = and({ ...one.when, paths: [{ kind: 'exact', path }] }, by.when)
  const kept = typeof bare === 'object' && endsWithSlash(one) ? narrowed(other, bare) : []
  return own && kept && [...kept, ...own]
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
