import { type Directive, textOf } from '../directive.js'
import { ANY } from '../rules/conditions.js'
import { fixedAnswer } from '../rules/fixed-answer.js'
import { isRedirectStatus, KEEPS_QUERY, redirectRule, redirectTo } from '../rules/redirect.js'
import type { RouteSettings, Rule } from '../rules/rule.js'
import type { Context } from './context.js'
import { withFields } from './fields.js'
import { hasPlaceholder, templateOf } from './placeholders.js'
import { proxyOf } from './reverse-proxy.js'

/** What a `reverse_proxy` does. */
export function proxied(directive: Directive, words: readonly string[], context: Context): Rule[] {
  const { at, block = [] } = directive
  const proxy = proxyOf(directive, words, context.findings)
  if (!proxy) return [{ at, when: ANY, does: { respond: { status: 503 } } }]
  const pool = context.pools.add(proxy.name, proxy.settings)
  let rules: Rule[] = [{ at, when: ANY, does: { pool } }]
  for (const line of [...block].reverse()) {
    const isToBackend = /^Host$/i.test(line.args[0] ?? '') && /upstream_hostport/.test(line.args[1] ?? '')
    if (line.name === 'header_up' && isToBackend) {
      const [only, another] = proxy.settings.backends
      const host = only?.replace(/^https:\/\//, '').replace(/;.*$/, '')
      if (another === undefined && host && !host.startsWith('unix:'))
        rules = rules.map((rule) => ({
          ...rule,
          does: { ...rule.does, rewrite: { host, ...rule.does.rewrite } }
        }))
      else context.findings.leftOut(line.at, textOf(line), 'the Host is the same for all backends of a pool')
    } else if (line.name === 'header_up')
      rules = withFields(rules, line, line.args, 'request-headers', context.findings)
    if (line.name === 'header_down')
      rules = withFields(rules, line, line.args, 'response-headers', context.findings)
  }
  return rules
}

/** What a `respond` answers. */
export function responded(
  directive: Directive,
  words: readonly string[],
  { findings }: Context
): RouteSettings {
  const { at, block = [] } = directive
  const isStatus = (word: string | undefined) => word !== undefined && /^\d{3}$/.test(word)
  const status = words.length === 1 && isStatus(words[0]) ? words[0] : words[1]
  const text =
    words.length === 1 && isStatus(words[0])
      ? ''
      : (words[0] ?? block.find(({ name }) => name === 'body')?.args[0] ?? '')
  const body = hasPlaceholder(text) ? '' : text
  if (body !== text) findings.leftOut(at, textOf(directive), 'the body of a fixed answer has no placeholders')
  if (block.some(({ name }) => name === 'close'))
    findings.differs(at, textOf(directive), 'the connection stays open')
  const content = body === '' ? {} : { headers: { 'content-type': 'text/plain; charset=utf-8' }, body }
  return fixedAnswer(Number(status ?? 200), content, (why) => findings.leftOut(at, textOf(directive), why))
}

const WORDS: Readonly<Record<string, number>> = { permanent: 301, temporary: 302 }

/** Where a `redir` leads; undefined if that cannot be said. */
export function redirected(
  directive: Directive,
  words: readonly string[],
  { findings }: Context
): Rule[] | undefined {
  const [to = '', code = '302'] = words
  const status = WORDS[code] ?? Number(code)
  const template = templateOf(to)
  const target = template !== undefined && isRedirectStatus(status) ? redirectTo(template, status) : undefined
  const rule = target && redirectRule(directive.at, ANY, target)
  if (!rule) {
    findings.leftOut(directive.at, textOf(directive), 'a redirect cannot be made of this')
    return undefined
  }
  if (target.keepsQuery) findings.differs(directive.at, textOf(directive), KEEPS_QUERY)
  return [rule]
}
