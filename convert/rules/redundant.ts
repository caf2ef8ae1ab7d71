import { and, isSame } from './conditions.js'
import { covers, isAtLeast, type Single, singles } from './rank.js'
import { isOfOtherSite, type Rule, replacesPrefix } from './rule.js'

/** Lists above this are left as they are: each rule is compared with each. */
const MAX_RULES = 500

/** Routes without those that say what would be done without them as well. */
export function withoutRedundant(rules: readonly Rule[]): Rule[] {
  if (rules.length > MAX_RULES) return [...rules]
  let kept = [...rules]
  for (const rule of rules) {
    const index = kept.indexOf(rule)
    if (singles(rule.when).every((single) => isRedundant(single, index, kept)))
      kept = kept.filter((other) => other !== rule)
  }
  return kept
}

/** Whether all that may take the requests of a rule after it do the same with them. */
function isRedundant(one: Single, index: number, rules: readonly Rule[]): boolean {
  const { does } = rules[index]!
  const next: { single: Single; at: number }[] = []
  for (const [at, rule] of rules.entries()) {
    if (at === index) continue
    for (const single of singles(rule.when)) {
      const isBefore = isAtLeast(single, one) && (at < index || !isAtLeast(one, single))
      if (!isBefore && and(one.when, single.when) !== 'never') next.push({ single, at })
    }
  }
  next.sort((a, b) =>
    isAtLeast(a.single, b.single) ? (isAtLeast(b.single, a.single) ? a.at - b.at : -1) : 1
  )
  for (const { single, at } of next) {
    const other = rules[at]!
    if (!isSame(other.does, does)) return false
    if (isOfOtherSite(other, rules[index]!) && single.host !== one.host) return false
    // What is put in the place of a prefix depends on which one matched.
    if (replacesPrefix(does) && !isSame(single.path, one.path)) return false
    if (covers({ ...other, when: single.when }, { ...rules[index]!, when: one.when })) return true
  }
  return false
}
