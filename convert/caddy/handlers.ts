import { type Directive, textOf } from '../directive.js'
import { ANY } from '../rules/conditions.js'
import { restricted, whenever, whereverSayable } from '../rules/program.js'
import type { RouteSettings, Rule } from '../rules/rule.js'
import { behindPrefix } from '../rules/strip.js'
import { bytesOf } from '../values.js'
import { proxied, redirected, responded } from './answers.js'
import type { Context } from './context.js'
import { withFields } from './fields.js'
import { whyLeftOut } from './known.js'
import { isUnclear, matcherOf, namedMatchers, pathOf, singlePaths } from './matchers.js'
import { inOrder } from './order.js'

/** The rules of a block: its directives in the order in which they apply, then the rest. */
export function rulesOfBlock(
  directives: readonly Directive[],
  rest: readonly Rule[],
  outer: Context,
  isInOrder = false
): Rule[] {
  const context: Context = {
    ...outer,
    named: new Map([...outer.named, ...namedMatchers(directives, outer.isTls)]),
    paths: new Map([...outer.paths, ...singlePaths(directives)])
  }
  const handlers = directives.filter(
    ({ name }) => !name.startsWith('@') && name !== 'tls' && name !== 'bind' && name !== 'log'
  )
  for (const directive of handlers) {
    const why = whyLeftOut(directive.name)
    if (why !== undefined) context.findings.leftOut(directive.at, textOf(directive), why)
  }
  const ordered = isInOrder ? handlers : inOrder(handlers, context.moved, (name) => context.paths.get(name))
  let rules = [...rest]
  /** What comes behind the handles that are read at the moment: of them, one applies. */
  let behind = rules
  for (const [index, directive] of [...ordered.entries()].reverse()) {
    const isHandle = /^handle(?:_path)?$/.test(directive.name)
    if (isHandle && !/^handle(?:_path)?$/.test(ordered[index + 1]?.name ?? '')) behind = rules
    rules = withDirective(directive, rules, isHandle ? behind : rules, context)
  }
  return rules
}

/** The rules of a directive and of what comes behind it. */
function withDirective(directive: Directive, rest: Rule[], inner: readonly Rule[], context: Context): Rule[] {
  const { findings } = context
  const { name, args } = directive
  if (name === 'handle_path') return withPath(directive, rest, inner, context)
  const { when, rest: words } = matcherOf(args, context.named)
  if (!HANDLERS.has(name)) return rest
  if (isUnclear(when)) {
    findings.leftOut(directive.at, textOf(directive), when.why)
    return rest
  }
  const then = doneBy(directive, words, rest, inner, context)
  return then
    ? whereverSayable(when, then, rest, (why) => findings.leftOut(directive.at, textOf(directive), why))
    : rest
}

const HANDLERS = new Set(
  `header request_body redir rewrite uri basicauth basic_auth forward_auth request_header handle route abort error respond
  reverse_proxy php_fastcgi file_server`.split(/\s+/)
)

/** What a directive does with what comes to it; undefined for nothing. */
function doneBy(
  directive: Directive,
  words: readonly string[],
  rest: readonly Rule[],
  inner: readonly Rule[],
  context: Context
): readonly Rule[] | undefined {
  const { at, name, block = [] } = directive
  const answer = (does: RouteSettings): Rule[] => [{ at, when: ANY, does }]
  switch (name) {
    case 'handle':
      return rulesOfBlock(block, inner, context)
    case 'route':
      return rulesOfBlock(block, rest, context, true)
    case 'header':
      return withFields(rest, directive, words, 'response-headers', context.findings)
    case 'request_header':
      return withFields(rest, directive, words, 'request-headers', context.findings)
    case 'request_body': {
      const bytes = bytesOf(block.find((line) => line.name === 'max_size')?.args[0] ?? '', true)
      return bytes === undefined
        ? undefined
        : rest.map((rule) => ({ ...rule, does: { 'max-body-size': bytes, ...rule.does } }))
    }
    case 'reverse_proxy':
      return proxied(directive, words, context)
    case 'respond':
      return [{ at, when: ANY, does: responded(directive, words, context) }]
    case 'redir':
      return redirected(directive, words, context)
    case 'error':
      return answer({ respond: { status: Number(words.find((word) => /^\d{3}$/.test(word)) ?? 500) } })
    case 'abort':
      context.findings.differs(at, textOf(directive), 'the answer is 403, where Caddy gives none')
      return answer({ respond: { status: 403 } })
    case 'rewrite':
    case 'uri':
      return changedPath(directive, words, rest, context)
    case 'file_server':
    case 'php_fastcgi':
      return answer({ respond: { status: 404 } })
    default:
      // What keeps clients out is not left open.
      return answer({ respond: { status: 403 } })
  }
}

function withPath(directive: Directive, rest: Rule[], inner: readonly Rule[], context: Context): Rule[] {
  const { args, at, block = [] } = directive
  const prefix = (args[0] ?? '').replace(/\/?\*$/, '')
  const path = pathOf(args[0] ?? '')
  // What no handler of the block answers goes on to what comes behind it, which in the end answers everything.
  const last = inner.filter(({ when, does }) => does.respond && when.paths.length === 0).slice(-1)
  const rules = behindPrefix(rulesOfBlock(block, last, context), prefix)
  if (!path || !rules || prefix === '') {
    context.findings.leftOut(
      at,
      textOf(directive),
      'what is in it cannot be said of the paths with the prefix'
    )
    return rest
  }
  if (path.kind === 'starts' && !path.text.endsWith('/'))
    context.findings.differs(
      at,
      textOf(directive),
      `prefixes are matched by whole segments: ${prefix}x does not match`
    )
  return whereverSayable([{ all: { ...ANY, paths: [path] }, none: [] }], rules, rest, (why) =>
    context.findings.leftOut(at, textOf(directive), why)
  )
}

/** What comes behind a `rewrite` or `uri`, for the paths as they are before it. */
function changedPath(
  directive: Directive,
  words: readonly string[],
  rest: readonly Rule[],
  { findings }: Context
): Rule[] | undefined {
  const [first = '', second = ''] = words
  let rules: Rule[] | undefined
  if (directive.name === 'uri' && first === 'strip_prefix') {
    const prefix = `/${second.replace(/^\/|\/$/g, '')}`
    const cut = behindPrefix(rest, prefix)
    rules =
      cut && whenever([{ all: { ...ANY, paths: [{ kind: 'below', path: prefix }] }, none: [] }], cut, rest)
  } else if (directive.name === 'rewrite') {
    const [, added = ''] = /^(\/[^{?]*?)\/?\{(?:uri|path)\}$/.exec(first) ?? []
    if (added !== '' && rest.every(({ when }) => when.paths.length === 0))
      rules = behindPrefix(rest, '', added)
    else if (/^\/[^{?*]*$/.test(first)) rules = atPath(rest, first)
  }
  if (!rules)
    findings.leftOut(
      directive.at,
      textOf(directive),
      'only a path, or the prefix of a path, can be put in the place of another'
    )
  return rules
}

/** What is done with one path, done with all. */
function atPath(rest: readonly Rule[], path: string): Rule[] | undefined {
  return restricted(rest, { ...ANY, paths: [{ kind: 'exact', path }] })?.map((rule) => {
    const { when, does } = rule
    const rewrite = { ...does.rewrite, path: does.rewrite?.path ?? path }
    return { ...rule, when: { ...when, paths: [] }, does: does.pool ? { ...does, rewrite } : does }
  })
}
