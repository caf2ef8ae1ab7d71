import type { Pattern } from '../lib/routing/options.js'
import { compilePattern } from '../lib/routing/pattern.js'

const IGNORES_CASE = '(?i)'

/** A text as a regular expression that matches it alone. */
export function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** A function whose results are kept: all rules are compared with each other. */
function remembered<T>(of: (source: string) => T): (source: string) => T {
  const known = new Map<string, T>()
  return (source) => {
    if (!known.has(source)) known.set(source, of(source))
    return known.get(source)!
  }
}

/** As a route would have it; undefined if it cannot. */
const compiled = remembered((source): Pattern | undefined => {
  try {
    return compilePattern(source)
  } catch {
    return undefined
  }
})

/** A regular expression of Perl as one of a route, in RE2's syntax, whose time is linear; undefined if it cannot be. */
export function asRe2(source: string, ignoresCase = false): string | undefined {
  const whole = ignoresCase ? IGNORES_CASE + source : source
  return compiled(whole) && whole
}

/** The flag in front of an expression that ignores case, and the expression without it. */
export function apartFromFlag(source: string): [flag: string, source: string] {
  return source.startsWith(IGNORES_CASE) ? [IGNORES_CASE, source.slice(IGNORES_CASE.length)] : ['', source]
}

/** Whether a regular expression of RE2 matches a text; undefined if that is not known. */
export function matches(source: string, text: string): boolean | undefined {
  return compiled(source)?.test(text)
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
export const literalPrefix = remembered((source): string => {
  if (!source.startsWith('^') || hasAlternatives(source)) return ''
  const [literal = ''] = /^(?:[\w/\-~!@%&=:;,' ]|\\[.\-/_])*/.exec(source.slice(1))!
  const isOptional = /^[?*{]/.test(source.slice(1 + literal.length))
  const text = literal.replace(/\\(.)/g, '$1')
  return isOptional ? text.slice(0, -1) : text
})
