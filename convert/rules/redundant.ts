import { and, isSame } from './conditions.js'
import { covers, isAtLeast, type Single, singles } from './rank.js'
import type { Rule } from './rule.js'
import { isOfOtherSite, replacesPrefix } from './rule.js'
import type { Placed, RuleList } from './rule-list.js'

/** Routes without those that say what would be done without them as well. */
export function withoutRedundant(routes: RuleList): Rule[] {
  for (const placed of routes.placed)
    if (singles(placed.rule.when).every((single) => isRedundant(single, placed, routes)))
      routes.replace(placed, undefined)
  return routes.rules
}

/** Whether all that may take the requests of a rule after it do the same with them. */
function isRedundant(one: Single, placed: Placed, routes: RuleList): boolean {
  const { rule, place } = placed
  const next: { single: Single; other: Placed }[] = []
  for (const other of routes.near(one.when)) {
    if (other === placed) continue
    for (const single of singles(other.rule.when)) {
      const isBefore = isAtLeast(single, one) && (other.place < place || !isAtLeast(one, single))
      if (!isBefore && and(one.when, single.when) !== 'never') next.push({ single, other })
    }
  }
  next.sort((a, b) =>
    isAtLeast(a.single, b.single) ? (isAtLeast(b.single, a.single) ? a.other.place - b.other.place : -1) : 1
  )
  for (const { single, other } of next) {
    if (!isSame(other.rule.does, rule.does)) return false
    if (isOfOtherSite(other.rule, rule) && single.host !== one.host) return false
    // What is put in the place of a prefix depends on which one matched.
    if (replacesPrefix(rule.does) && !isSame(single.path, one.path)) return false
    if (covers({ ...other.rule, when: single.when }, { ...rule, when: one.when })) return true
  }
  return false
}
