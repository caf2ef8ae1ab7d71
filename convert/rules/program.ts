import { ANY, and, type Both, type Conditions, isSame, pathCovers } from './conditions.js'
import { narrowed } from './narrow.js'
import { type RouteSettings, type Rule, replacesPrefix } from './rule.js'

/** What a condition asks for: what has to be so, and what must not be. */
export interface Alternative {
  readonly all: Conditions
  readonly none: readonly Conditions[]
}

/** More rules than anybody reads: what leads to them is left out. */
const MAX_RULES = 2000

/** Rules restricted to a condition; undefined if one of them cannot say it. */
export function restricted(rules: readonly Rule[], to: Conditions): Rule[] | undefined {
  const found: Rule[] = []
  for (const rule of rules) {
    const when: Both<Conditions> = and(to, rule.when)
    if (when === 'unknown') return undefined
    const narrow = when === 'never' ? [] : narrowed(rule, when)
    if (!narrow) return undefined
    found.push(...narrow)
  }
  return found
}

/**
 * The rules of a statement and of what comes behind it, in which the first that fits applies: `does` under one of the
 * alternatives, the rest otherwise. What must not be so is said by the rest, for what is so, before. Undefined if that
 * cannot be said.
 */
export function whenever(
  alternatives: readonly Alternative[],
  does: readonly Rule[],
  rest: readonly Rule[]
): Rule[] | undefined {
  let rules: Rule[] = [...rest]
  for (const { all, none } of [...alternatives].reverse()) {
    const own = restricted(does, all)
    // "Begins with /a/" is the prefix /a where that is replaced, so that /a itself goes on to the rest.
    const kept = does.some((rule) => replacesPrefix(rule.does)) ? bareOf(all) : []
    const before: Rule[] = []
    for (const one of [...none, ...kept]) {
      const excepted = and(all, one)
      const others = kept.includes(one) ? restricted(rules, one) : exceptedFrom(rules, excepted)
      if (!others) return undefined
      before.push(...others)
    }
    if (!own) return undefined
    rules = untilAll([...before, ...own, ...rules])
    if (rules.length > MAX_RULES) return undefined
  }
  return rules
}

/**
 * The same with a finding where it cannot be said. What refuses requests then refuses those as well that it makes an
 * exception of, rather than none.
 */
export function whereverSayable(
  alternatives: readonly Alternative[],
  does: readonly Rule[],
  rest: readonly Rule[],
  leaveOut: (why: string) => void
): Rule[] {
  const rules = whenever(alternatives, does, rest)
  if (rules) return rules
  const refuses = does.every((rule) => (rule.does.respond?.status ?? 0) >= 400)
  const stricter = refuses
    ? whenever(
        alternatives.map(({ all }) => ({ all, none: [] })),
        does,
        rest
      )
    : undefined
  leaveOut(
    stricter
      ? 'what it makes an exception of cannot be told apart; to be safe, that is refused too'
      : 'its conditions do not go together with those of what comes after it'
  )
  return stricter ?? [...rest]
}

function exceptedFrom(rules: readonly Rule[], excepted: Both<Conditions>): Rule[] | undefined {
  if (excepted === 'never') return []
  return excepted === 'unknown' ? undefined : restricted(rules, excepted)
}

/** Conditions for the paths that end where a prefix with a slash at its end has that slash. */
function bareOf(all: Conditions): Conditions[] {
  const bare = all.paths.flatMap((path) =>
    path.kind === 'starts' && path.text.length > 1 && path.text.endsWith('/')
      ? [{ kind: 'exact' as const, path: path.text.slice(0, -1) }]
      : []
  )
  return bare
    .filter((path) => !all.paths.some((other) => pathCovers(other, path)))
    .map((path) => ({ ...all, paths: [path] }))
}

/** Rules up to the first that takes all that comes to it. */
function untilAll(rules: readonly Rule[]): Rule[] {
  const end = rules.findIndex(({ when }) => isSame(when, ANY))
  return rules.slice(0, end === -1 ? undefined : end + 1)
}

/** Rules whose settings are changed where they pass requests on. */
export function changed(rules: readonly Rule[], change: (does: RouteSettings) => RouteSettings): Rule[] {
  return rules.map((rule) =>
    rule.does.pool || rule.does.split ? { ...rule, does: change(rule.does) } : rule
  )
}
