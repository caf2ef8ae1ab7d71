import { isHost as isAuthority } from '../../lib/base/values/check-values.js'
import { type Directive, textOf } from '../directive.js'
import type { Findings } from '../findings.js'
import { type FieldChange, whyNotChanged, withFieldBefore } from '../rules/fields.js'
import type { Rule } from '../rules/rule.js'
import { hasPlaceholder, isSetAnyway } from './placeholders.js'

type Key = 'request-headers' | 'response-headers'

/**
 * The changes of fields that one line says: `+X` adds, `-X` removes, `X` sets.
 * @param words a name, and for some what it is set to
 */
function changeOf(
  words: readonly string[],
  line: Directive,
  key: Key,
  findings: Findings
): FieldChange | undefined {
  const [first = '', value = '', another] = words
  const leaveOut = (why: string) => {
    findings.leftOut(line.at, textOf(line), why)
    return undefined
  }
  if (another !== undefined) return leaveOut('a part of a value cannot be replaced')
  const [, sign = '', name = ''] = /^([+\-?>]?)(.*)$/.exec(first)!
  if (sign === '?') return leaveOut('a field cannot be set only where it is absent')
  if (name.includes('*')) return leaveOut('fields are named in full')
  if (key === 'request-headers' && isSetAnyway(name, value)) return undefined
  if (hasPlaceholder(value)) {
    const isAddress = /remote_host|remote\.host|client_ip/.test(value)
    return leaveOut(
      isAddress
        ? "the client's address is the last one in X-Forwarded-For"
        : 'values of fields are fixed texts, without placeholders'
    )
  }
  const isHost = name.toLowerCase() === 'host' && key === 'request-headers' && isAuthority(value)
  const why = isHost ? undefined : whyNotChanged(name, key === 'request-headers' ? 'request' : 'response')
  if (why !== undefined) return leaveOut(why)
  return { kind: sign === '-' ? 'remove' : sign === '+' ? 'add' : 'set', name, value }
}

/** Rules with the changes of a `header`, `request_header`, `header_up` or `header_down` in front of their own. */
export function withFields(
  rules: readonly Rule[],
  line: Directive,
  words: readonly string[],
  key: Key,
  findings: Findings
): Rule[] {
  const lines = words.length > 0 ? [words] : (line.block ?? []).map(({ name, args }) => [name, ...args])
  const changes = lines
    // "defer" says when; what it says is so in any case.
    .filter(([name]) => name !== 'defer')
    .flatMap((one) => changeOf(one, line, key, findings) ?? [])
  return changes.reduceRight<Rule[]>(
    (changed, change) => changed.map((rule) => withChange(rule, key, change)),
    [...rules]
  )
}

function withChange(rule: Rule, key: Key, change: FieldChange): Rule {
  const { does } = rule
  const isOfBackend = does.pool !== undefined || does.split !== undefined
  if (key === 'request-headers' && !isOfBackend) return rule
  if (key === 'request-headers' && change.name.toLowerCase() === 'host')
    return change.kind === 'set'
      ? { ...rule, does: { ...does, rewrite: { host: change.value, ...does.rewrite } } }
      : rule
  return { ...rule, does: withFieldBefore(does, key, change) }
}
