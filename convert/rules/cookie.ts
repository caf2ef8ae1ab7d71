import { apartFromFlag, asRe2, escaped } from '../regexps.js'
import type { TextCondition } from './conditions.js'

/** A cookie with a value as a regular expression of the field; undefined if that cannot be said. */
export function cookieOf(name: string, is: TextCondition): string | undefined {
  const before = `(?:^|;\\s*)${escaped(name)}=`
  if (is === true) return before
  if (typeof is === 'string') return `${before}${escaped(is)}(?:;|$)`
  const [flag, source] = apartFromFlag(is.regexp)
  const isAnchored = /^\^.*\$$/.test(source) && !source.includes('|')
  if (isAnchored) return asRe2(`${flag}${before}${source.slice(1, -1)}(?:;|$)`)
  return source.includes('^') || source.includes('$')
    ? undefined
    : asRe2(`${flag}${before}[^;]*(?:${source})`)
}
