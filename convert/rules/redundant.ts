import { and, isSame } from './conditions.js'
import { compareRanks, covers, type Single, singles } from './rank.js'
import type { Rule } from './rule.js'
import { isOfOtherSite, replacesPrefix } from './rule.js'
import type { Placed, RuleList } from './rule-list.js'

/** A part of a rule, and its place in the order in which routes are tried. */
interface Part {
  readonly single: Single
  readonly placed: Placed
  order: number
}

/** Routes without those that say what would be done without them as well. */
export function withoutRedundant(routes: RuleList): Rule[] {
  const partsOf = inOrder(routes)
  const isRedundant = (placed: Placed) =>
    partsOf.get(placed)!.every((part) => takesNothingAlone(part, behind(part, routes, partsOf)))
  for (const placed of routes.placed) if (isRedundant(placed)) routes.replace(placed, undefined)
  return routes.rules
}

/** The parts of all rules, numbered in the order of precedence. */
function inOrder(routes: RuleList): Map<Placed, readonly Part[]> {
  const partsOf = new Map<Placed, readonly Part[]>()
  for (const placed of routes.placed)
    partsOf.set(
      placed,
      singles(placed.rule.when).map((single) => ({ single, placed, order: 0 }))
    )
  const sorted = [...partsOf.values()].flat().sort((a, b) => compareRanks(a.single, b.single))
  for (const [order, part] of sorted.entries()) part.order = order
  return partsOf
}

/** What of other rules may be tried after a part of one, for the same requests. */
function behind(part: Part, routes: RuleList, partsOf: ReadonlyMap<Placed, readonly Part[]>): Part[] {
  const found: Part[] = []
  for (const placed of routes.near(part.single.when))
    if (placed !== part.placed)
      for (const other of partsOf.get(placed)!) if (other.order > part.order) found.push(other)
  return found.sort((a, b) => a.order - b.order)
}

/** Whether what comes after a part of a rule does the same with all of its requests. */
function takesNothingAlone({ single: one, placed: { rule } }: Part, next: readonly Part[]): boolean {
  for (const { single, placed } of next) {
    const other = placed.rule
    const isAlike =
      isSame(other.does, rule.does) &&
      !(isOfOtherSite(other, rule) && single.host !== one.host) &&
      // What is put in the place of a prefix depends on which one matched.
      !(replacesPrefix(rule.does) && !isSame(single.path, one.path))
    if (isAlike && !covers({ ...other, when: single.when }, { ...rule, when: one.when })) continue
    // Asked last, as it takes the longest.
    if (and(one.when, single.when) !== 'never') return isAlike
  }
  return false
}
