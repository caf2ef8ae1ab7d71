import { type Directive, textOf } from '../directive.js'
import { asRe2 } from '../regexps.js'
import {
  ANY,
  and,
  type Conditions,
  type PathCondition,
  pathCovers,
  type TextCondition
} from '../rules/conditions.js'
import { fixedAnswer } from '../rules/fixed-answer.js'
import { isRedirectStatus, KEEPS_QUERY, redirectRule, redirectTo } from '../rules/redirect.js'
import { type Rule, replacesPrefix } from '../rules/rule.js'
import type { Context } from './context.js'
import { filtersOf } from './filters.js'
import { redirectOf } from './rewrite.js'
import type { Scope } from './scope.js'
import { conditionOn, templateOf } from './variables.js'

/** What the directives of a block do before anything is passed on: `return`, `rewrite` and `if`, in their order. */
export interface Answers {
  /** Rules for requests that are answered. */
  readonly before: readonly Rule[]
  /** What all that is not answered by them has to be. */
  readonly guard: Conditions
  /** Rules for requests that are not as the guard asks. */
  readonly after: readonly Rule[]
  /** Whether there is an answer for every request. */
  readonly isAll: boolean
  /** A `rewrite` that changes the target on the way to the backend. */
  readonly rewrite: Directive | undefined
}

/** Of which server a block is. */
export interface Place {
  readonly scope: Scope
  readonly when: Conditions
  readonly serverName: string | undefined
  readonly isTls: boolean
}

/** The answers of a block itself, without those of blocks in it. */
export function answersOf(directives: readonly Directive[], place: Place, context: Context): Answers {
  const before: Rule[] = []
  const after: Rule[] = []
  let guard = ANY
  let rewrite: Directive | undefined
  const add = (rules: readonly Rule[]) => {
    for (const rule of rules) {
      // What comes behind a condition that is negated is for those alone that it lets pass.
      const when = and(rule.when, guard)
      if (typeof when === 'object') before.push({ ...rule, when })
    }
  }
  for (const directive of directives) {
    if (directive.name === 'return') {
      const rule = returned(directive, place, context)
      add(rule ? [rule] : [])
      return { before, guard, after, isAll: rule !== undefined, rewrite }
    }
    if (directive.name === 'rewrite') {
      if (
        /^(?:last|break)$/.test(directive.args[2] ?? 'last') &&
        !/^(?:https?|\$scheme):/.test(directive.args[1] ?? '')
      )
        rewrite = directive
      else add(rewritten(directive, place, context))
    }
    if (directive.name === 'if') {
      const found = conditional(directive, place, context)
      add(found.before)
      const both = found.guard && and(guard, found.guard)
      if (typeof both === 'object') {
        guard = both
        after.push(...found.after)
      } else if (found.guard)
        leaveOut(directive, context, 'it does not go together with the conditions before it')
    }
  }
  return { before, guard, after, isAll: false, rewrite }
}

function leaveOut(directive: Directive, { findings }: Context, why: string): void {
  findings.leftOut(directive.at, textOf(directive), why)
}

/** What `return` answers, for the conditions of a place. */
function returned(
  directive: Directive,
  { scope, when, serverName }: Place,
  context: Context
): Rule | undefined {
  const { at, args } = directive
  const [first = '', text] = args
  const isUrl = !/^\d{3}$/.test(first)
  const status = isUrl ? 302 : Number(first)
  const filters = filtersOf(scope, context.zones, context.findings)
  const headers = filters['response-headers'] && { 'response-headers': filters['response-headers'] }
  if (isRedirectStatus(status) && (isUrl || text !== undefined)) {
    const template = templateOf(isUrl ? first : text!, serverName)
    const target = template === undefined ? undefined : redirectTo(template, status)
    const rule = target && redirectRule(at, when, target)
    if (!rule) {
      leaveOut(directive, context, 'a redirect cannot be made of these variables')
      return undefined
    }
    if (target?.keepsQuery) context.findings.differs(at, textOf(directive), KEEPS_QUERY)
    return { ...rule, does: { ...rule.does, ...headers } }
  }
  if (status === 444)
    context.findings.differs(at, textOf(directive), 'the answer is 403, where nginx gives none')
  const hasVariables = text?.includes('$')
  if (hasVariables) leaveOut(directive, context, 'the body of a fixed answer has no variables')
  const body = hasVariables ? undefined : text
  const type = scope.value('default_type') ?? 'text/plain'
  const content = body ? { headers: { 'content-type': type }, body } : {}
  const answer = fixedAnswer(status === 444 ? 403 : status, content, (why) =>
    leaveOut(directive, context, why)
  )
  return { at, when, does: { ...answer, ...headers } }
}

/** The redirect of `rewrite … permanent`. */
function rewritten(directive: Directive, { when, serverName }: Place, context: Context): Rule[] {
  const { at, args } = directive
  const found = redirectOf(args, args[2] === 'permanent' ? 301 : 302, serverName)
  const paths = found && within(when.paths, found.paths)
  if (!found || !paths) {
    leaveOut(directive, context, 'only a path, or the prefix of a path, can be put in the place of another')
    return []
  }
  if (found.note) context.findings.differs(at, textOf(directive), found.note)
  return [{ at, when: { ...when, paths }, does: found.does }]
}

/** Paths that a block changes, as far as they are among those of the block; undefined if that is not to be said. */
function within(
  block: readonly PathCondition[],
  changed: readonly PathCondition[]
): readonly PathCondition[] | undefined {
  if (block.length === 0) return changed
  const isInside = changed.every((path) =>
    block.some(
      (outer) =>
        pathCovers(outer, path) ||
        (outer.kind === 'starts' && path.kind === 'below' && outer.text === `${path.path}/`)
    )
  )
  if (isInside) return changed
  const both = and({ ...ANY, paths: block }, { ...ANY, paths: changed })
  return typeof both === 'object' && !both.paths.some(({ kind }) => kind === 'below') ? both.paths : undefined
}

interface Conditional {
  readonly before: readonly Rule[]
  readonly after: readonly Rule[]
  readonly guard: Conditions | undefined
}

const NOTHING: Conditional = { before: [], after: [], guard: undefined }

function conditional(directive: Directive, place: Place, context: Context): Conditional {
  const block = directive.block ?? []
  const known = block.filter(({ name }) => name === 'return' || name === 'rewrite')
  if (known.length === 0 || known.length < block.length) {
    leaveOut(directive, context, 'of what stands in an if, return and redirects alone are understood')
    return NOTHING
  }
  const asked = askedBy(directive, place)
  if (asked === undefined) {
    leaveOut(directive, context, 'no match of a route asks for this')
    return NOTHING
  }
  if (asked === 'never') return NOTHING
  const when = asked === 'always' ? place.when : and(place.when, { ...ANY, ...asked.condition })
  if (when === 'never') return NOTHING
  if (when === 'unknown') {
    leaveOut(directive, context, 'it does not go together with the conditions around it')
    return NOTHING
  }
  const isNegated = asked !== 'always' && asked.isNegated
  const answers = answersOf(block, { ...place, when: isNegated ? place.when : when }, context)
  if (answers.rewrite)
    leaveOut(answers.rewrite, context, 'of what stands in an if, return and redirects alone are understood')
  if (!isNegated) return { before: answers.before, after: [], guard: undefined }
  if (answers.before.some(({ does }) => replacesPrefix(does))) {
    leaveOut(directive, context, 'a condition that is negated goes with a return alone')
    return NOTHING
  }
  return { before: [], after: answers.before, guard: { ...ANY, ...asked.condition } }
}

type Asked = 'always' | 'never' | { readonly condition: Partial<Conditions>; readonly isNegated: boolean }

/** What an `if` asks for; undefined if no route can. */
function askedBy({ args }: Directive, { isTls }: Place): Asked | undefined {
  const [variable = '', operator, ...rest] = args
    .join(' ')
    .replace(/^\(\s*|\s*\)$/g, '')
    .split(/\s+/)
  const value = rest.join(' ').replace(/^(["'])(.*)\1$/, '$2')
  if (operator === undefined) {
    const condition = conditionOn(variable, { regexp: '^(?:[^0]|0.)' })
    return condition && { condition, isNegated: false }
  }
  const isNegated = operator.startsWith('!')
  if (variable === '$scheme' && /^!?=$/.test(operator))
    return (value === (isTls ? 'https' : 'http')) !== isNegated ? 'always' : 'never'
  let is: TextCondition = value
  if (operator.includes('~')) {
    const regexp = asRe2(value, operator.endsWith('*'))
    if (regexp === undefined) return undefined
    is = { regexp }
  } else if (!/^!?=$/.test(operator)) return undefined
  // An empty value stands for none at all: what has one is the positive side.
  if (value === '') {
    const condition = conditionOn(variable, true)
    return condition && { condition, isNegated: !isNegated }
  }
  const condition = conditionOn(variable, is)
  return condition && { condition, isNegated }
}
