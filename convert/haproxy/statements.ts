import type { Findings } from '../findings.js'
import { ANY, isSame } from '../rules/conditions.js'
import { fixedAnswer } from '../rules/fixed-answer.js'
import { type Alternative, whenever, whereverSayable } from '../rules/program.js'
import { isRedirectStatus, KEEPS_QUERY, redirectRule, redirectTo } from '../rules/redirect.js'
import type { RouteSettings, Rule } from '../rules/rule.js'
import { type Acls, isUnclear } from './acl.js'
import { fieldChange, pathChange, responseChange } from './changes.js'
import { templateOf } from './format.js'
import type { Line } from './parse.js'

/** Where statements stand. */
export interface Frame {
  readonly acls: Acls
  readonly isTls: boolean
  readonly findings: Findings
}

/** Statements that only write down, or say what is so anyway. */
const WITHOUT_EFFECT =
  /^(?:capture|set-log-level|set-nice|track-sc\d|sc-|set-tos|set-mark|allow|disable-l7-retry|normalize-uri|wait-for-|strict-mode|early-hint|do-log)/
const REFUSES = /^(?:deny|tarpit|reject|silent-drop)$/

/** The rules of a section: its statements in their order, then the rest. */
export function withStatements(lines: readonly Line[], rest: readonly Rule[], frame: Frame): Rule[] {
  let rules = [...rest]
  // Redirects come after all that http-request says, wherever they stand.
  const ordered = [
    ...lines.filter(({ name }) => name !== 'redirect'),
    ...lines.filter(({ name }) => name === 'redirect')
  ]
  for (const line of ordered.reverse()) {
    if (line.name === 'http-request' || line.name === 'redirect') rules = withRequest(line, rules, frame)
    if (line.name === 'http-response' || line.name === 'http-after-response')
      rules = withResponse(line, rules, frame)
    if (line.name === 'monitor-uri' && line.args[0])
      rules = [
        {
          at: line.at,
          when: { ...ANY, paths: [{ kind: 'exact', path: line.args[0] }] },
          does: { respond: { status: 200 } }
        },
        ...rules
      ]
  }
  return rules
}

function withRequest(line: Line, rest: Rule[], frame: Frame): Rule[] {
  const { findings, isTls } = frame
  const [action = '', ...args] = line.name === 'http-request' ? line.args : ['redirect', ...line.args]
  if (WITHOUT_EFFECT.test(action)) return rest
  if (/sc_(?:http_req_rate|conn_rate|conn_cur)|sc\d_/.test(line.text)) return rest
  const when = frame.acls.when(args, line.at)
  if (isUnclear(when)) {
    findings.leftOut(line.at, line.text, when.why)
    return rest
  }
  if (when.length === 0) return rest
  const words = beforeCondition(args)
  const refused = action === 'deny' && !/status/.test(words.join()) ? byAddress(when, rest) : undefined
  if (refused) return refused
  const changed =
    fieldChange(action, words, line, rest, isTls, findings) ?? pathChange(action, words, line, rest, findings)
  const answer = changed ? undefined : answered(action, words, line, findings)
  const does = changed ?? answer
  if (!does) return rest
  return whereverSayable(when, does, rest, (why) => findings.leftOut(line.at, line.text, why))
}

/** Where clients are refused by their address, it is a setting of the routes that they come to; undefined otherwise. */
function byAddress(when: readonly Alternative[], rest: readonly Rule[]): Rule[] | undefined {
  const [first, another] = when
  if (!first || another || first.none.length > 1) return undefined
  const [excepted] = first.none
  const isOfAddress = excepted && isSame({ ...excepted, clients: [] }, ANY)
  const [key, clients] = excepted
    ? (['allow', excepted.clients] as const)
    : (['deny', first.all.clients] as const)
  if (clients.length === 0 || (excepted && (!isOfAddress || first.all.clients.length > 0))) return undefined
  if (key === 'allow' && rest.some(({ does }) => does.allow)) return undefined
  const refusing = rest.map((rule) => ({
    ...rule,
    does: { ...rule.does, [key]: [...clients, ...(rule.does[key] ?? [])] }
  }))
  return whenever([{ all: { ...first.all, clients: [] }, none: [] }], refusing, rest)
}

/** The words of an action without `if …`. */
export function beforeCondition(args: readonly string[]): string[] {
  const at = args.findIndex((word) => word === 'if' || word === 'unless')
  return args.slice(0, at === -1 ? undefined : at)
}

/** What answers a request; undefined if it cannot be said. */
function answered(
  action: string,
  words: readonly string[],
  line: Line,
  findings: Findings
): Rule[] | undefined {
  const { at, text } = line
  const valueAfter = (...names: string[]) => {
    const index = words.findIndex((word) => names.includes(word))
    return index === -1 ? undefined : words[index + 1]
  }
  const leaveOut = (why: string) => findings.leftOut(at, text, why)
  const rule = (does: RouteSettings): Rule[] => [{ at, when: ANY, does }]
  if (REFUSES.test(action)) {
    const status = Number(valueAfter('deny_status', 'status') ?? 403)
    if (action !== 'deny') findings.differs(at, text, `it is answered ${status} at once`)
    return rule(fixedAnswer(status, {}, leaveOut))
  }
  if (action === 'auth') {
    findings.leftOut(at, text, 'it does not authenticate; to be safe, these requests are refused')
    return rule({ respond: { status: 403 } })
  }
  if (action === 'return') {
    const body = valueAfter('string', 'lf-string')
    const isFixed = !words.includes('file') && !words.includes('lf-file') && !words.includes('errorfile')
    if (!isFixed || (words.includes('lf-string') && templateOf(body ?? '') !== body)) {
      findings.leftOut(at, text, 'a fixed answer has its body in the configuration, without variables')
      return rule(fixedAnswer(Number(valueAfter('status') ?? 200), {}, leaveOut))
    }
    const type = valueAfter('content-type')
    const headers: Record<string, string> = type ? { 'content-type': type } : {}
    for (const [index, word] of words.entries())
      if (word === 'hdr') headers[words[index + 1]!] = words[index + 2] ?? ''
    return rule(fixedAnswer(Number(valueAfter('status') ?? 200), { headers, body }, leaveOut))
  }
  if (action === 'redirect') return redirected(words, line, findings)
  findings.leftOut(at, text, 'not understood')
  return undefined
}

function redirected(words: readonly string[], { at, text }: Line, findings: Findings): Rule[] | undefined {
  const after = (name: string) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined)
  const kind = ['location', 'prefix', 'scheme'].find((word) => words.includes(word)) ?? ''
  const target = after(kind) ?? ''
  const status = Number(after('code') ?? 302)
  const isDropped = words.includes('drop-query')
  for (const word of words)
    if (/^(?:set-cookie|clear-cookie|append-slash|keep-query)$/.test(word))
      findings.leftOut(at, word, 'a redirect says a place, and nothing else')
  const template = templateOf(target)
  const url =
    template === undefined
      ? undefined
      : kind === 'scheme'
        ? `${template}://{host}{uri}`
        : kind === 'prefix'
          ? `${template.replace(/\/$/, '')}{uri}`
          : template
  const found = url !== undefined && isRedirectStatus(status) ? redirectTo(url, status) : undefined
  const rule = found && redirectRule(at, ANY, found)
  if (!rule) {
    findings.leftOut(at, text, 'a redirect cannot be made of these variables')
    return undefined
  }
  if (found.keepsQuery || isDropped) findings.differs(at, text, KEEPS_QUERY)
  return [rule]
}

function withResponse(line: Line, rest: Rule[], frame: Frame): Rule[] {
  const [action = '', ...args] = line.args
  if (WITHOUT_EFFECT.test(action)) return rest
  const when = frame.acls.when(args, line.at)
  if (isUnclear(when)) frame.findings.leftOut(line.at, line.text, when.why)
  if (isUnclear(when) || when.length === 0) return rest
  const does = responseChange(action, beforeCondition(args), line, rest, frame.findings)
  return does
    ? whereverSayable(when, does, rest, (why) => frame.findings.leftOut(line.at, line.text, why))
    : rest
}
