import type { Directive } from '../directive.js'
import { apartFromFlag, asRe2 } from '../regexps.js'
import type { Conditions, TextCondition } from '../rules/conditions.js'
import { cookieOf } from '../rules/cookie.js'
import { isRange } from '../values.js'
import type { Scope } from './scope.js'

/** The condition that a variable has a value, or matches; undefined if no match of a route can ask for it. */
export function conditionOn(variable: string, is: TextCondition): Partial<Conditions> | undefined {
  const [, kind, name = ''] = /^\$(http|arg|cookie)_(\w+)$/.exec(variable) ?? []
  if (kind === 'http' && name !== 'host')
    return { headers: [{ name: name.replaceAll('_', '-'), anyOf: [is] }] }
  if (kind === 'arg') return { query: [{ name, anyOf: [is] }] }
  if (kind === 'cookie') {
    const source = cookieOf(name, is)
    return source === undefined ? undefined : { headers: [{ name: 'cookie', anyOf: [{ regexp: source }] }] }
  }
  if (/^\$(?:host|http_host|server_name)$/.test(variable)) {
    const hosts = hostsOf(is)
    return hosts && { hosts }
  }
  if (variable === '$request_method') {
    const methods = wordsOf(is)
    return methods && { methods }
  }
  if (/^\$(?:uri|document_uri)$/.test(variable) && is !== true)
    return {
      paths: [typeof is === 'string' ? { kind: 'exact', path: is } : { kind: 'regexp', source: is.regexp }]
    }
  if (variable === '$remote_addr' && typeof is === 'string' && isRange(is)) return { clients: [is] }
  if (variable === '$content_type') return { headers: [{ name: 'content-type', anyOf: [is] }] }
  return undefined
}

function hostsOf(is: TextCondition): string[] | undefined {
  if (is === true) return undefined
  if (typeof is === 'string') return [is.toLowerCase()]
  // ^www\.a\.example$, or one of a list of such.
  const words = wordsOf({ regexp: apartFromFlag(is.regexp)[1].replaceAll('\\.', '.') })
  return words?.every((word) => /^[\w.-]+$/.test(word)) ? words.map((word) => word.toLowerCase()) : undefined
}

/** The texts that an expression such as `^(GET|HEAD)$` stands for. */
function wordsOf(is: TextCondition): string[] | undefined {
  if (typeof is === 'string') return [is]
  if (is === true) return undefined
  const [, words, word] = /^\^(?:\((?:\?:)?([\w.|-]+)\)|([\w.-]+))\$$/.exec(is.regexp) ?? []
  return (words ?? word)?.split('|')
}

/** A pattern of a `map`: a text, `*.example`, or a regular expression behind `~` or `~*`. */
function patternOf(text: string): TextCondition | undefined {
  const [, caseless, source] = /^~(\*?)(.*)$/s.exec(text) ?? []
  if (source === undefined) return text.replace(/^\\/, '')
  const regexp = asRe2(source, caseless === '*')
  return regexp === undefined ? undefined : { regexp }
}

/** A value that a variable has under a condition. */
export interface Choice {
  readonly when: Partial<Conditions>
  readonly value: string
}

/** The values of a variable that a `map` gives it, the default last; undefined if it cannot be said by matches. */
export function choicesOf(map: Directive): Choice[] | undefined {
  const [source = ''] = map.args
  const choices: Choice[] = []
  let byDefault: Choice | undefined
  for (const { name, args } of map.block ?? []) {
    const value = args[0] ?? ''
    if (name === 'hostnames' || name === 'volatile') continue
    if (name === 'default') byDefault = { when: {}, value }
    else if (name === 'include') return undefined
    else {
      const pattern = patternOf(name)
      // A text is compared without regard to case, which only matters for what is no host.
      const hosts = name.startsWith('.') ? [name.slice(1), `*${name}`] : undefined
      const when = hosts ? { hosts } : pattern !== undefined && conditionOn(source, pattern)
      if (!when || (hosts && !/^\$(?:http_)?host$/.test(source))) return undefined
      choices.push({ when, value })
    }
  }
  // Texts go before regular expressions, wherever they stand.
  const isText = ({ when }: Choice) => !JSON.stringify(when).includes('regexp')
  return [
    ...choices.filter(isText),
    ...choices.filter((choice) => !isText(choice)),
    ...(byDefault ? [byDefault] : [])
  ]
}

/** A text with the variables in it that `set` gives a fixed value. */
export function withConstants(text: string, scope: Scope): string {
  return text.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => {
    const set = scope.all('set').findLast(({ args }) => args[0] === `$${name}`)
    const value = set?.args[1]
    return value !== undefined && !value.includes('$') ? value : whole
  })
}

/** A text of nginx as a template of a redirect; undefined if it has variables that cannot stand in one. */
export function templateOf(text: string, serverName: string | undefined): string | undefined {
  const template = text
    .replace(/\$\{(\w+)\}/g, '$$$1')
    .replace(/\$(?:http_host|host)\b(?::\$server_port)?/g, '{host}')
    .replace(/\$server_name\b/g, serverName ?? '{host}')
    .replace(/\$scheme\b/g, '{scheme}')
    .replace(/\$(?:request_uri\b|uri\$is_args\$args\b|uri\?\$(?:args|query_string)\b)/g, '{uri}')
    .replace(/(?:\$is_args\$|\?\$)(?:args|query_string)\b/g, '{?query}')
  return template.includes('$') ? undefined : template
}
