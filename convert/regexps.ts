/** What regular expressions of Perl have and those of RE2 do not: looking around, references back, and the like. */
const NOT_IN_RE2 = /\(\?(?:<?[=!]|>|\(|\||R|\d|&)|\\[1-9gkKGhHRX]|[*+?}]\+|\\Z/

/** A text as a regular expression that matches it alone. */
export function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** A regular expression of Perl or JavaScript in the syntax of RE2, whose time is linear; undefined if it cannot be. */
export function asRe2(source: string, ignoresCase = false): string | undefined {
  // Escaped backslashes are no part of what follows them.
  const plain = source.replaceAll('\\\\', '__')
  if (NOT_IN_RE2.test(plain) || !isRegExp(source)) return undefined
  const named = source.replace(/\(\?<(\w+)>/g, '(?P<$1>')
  return ignoresCase ? `(?i)${named}` : named
}

function isRegExp(source: string): boolean {
  try {
    return toJavaScript(source) !== undefined
  } catch {
    return false
  }
}

function toJavaScript(source: string): RegExp {
  const [, flag, rest] = /^(\(\?i\))?(.*)$/s.exec(source)!
  return new RegExp(rest!.replaceAll('(?P<', '(?<'), flag ? 'i' : '')
}

/** Whether a regular expression of RE2 matches a text; undefined if that is not known. */
export function matches(source: string, text: string): boolean | undefined {
  try {
    return toJavaScript(source).test(text)
  } catch {
    return undefined
  }
}

/** Whether an expression is several, outside of groups and of sets of characters. */
function hasAlternatives(source: string): boolean {
  const bare = source.replace(/\\./g, '').replace(/\[[^\]]*\]/g, '')
  let depth = 0
  for (const char of bare) {
    if (char === '(') depth++
    if (char === ')') depth--
    if (char === '|' && depth === 0) return true
  }
  return false
}

/** The text that all matches begin with, if the expression is anchored: `/api` of `^/api(/|$)`. Otherwise empty. */
export function literalPrefix(source: string): string {
  if (!source.startsWith('^') || hasAlternatives(source)) return ''
  const [literal = ''] = /^(?:[\w/\-~!@%&=:;,' ]|\\[.\-/_])*/.exec(source.slice(1))!
  const isOptional = /^[?*{]/.test(source.slice(1 + literal.length))
  const text = literal.replace(/\\(.)/g, '$1')
  return isOptional ? text.slice(0, -1) : text
}
