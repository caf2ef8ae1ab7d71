import { escaped } from '../regexps.js'
import type { TextCondition } from './conditions.js'

/** A cookie with a value as a regular expression of the field. */
export function cookieOf(name: string, is: TextCondition): string | undefined {
  const before = `(?:^|;\\s*)${escaped(name)}=`
  if (is === true) return before
  if (typeof is === 'string') return `${before}${escaped(is)}(?:;|$)`
  const [, flag = '', source = ''] = /^(\(\?i\))?(.*)$/s.exec(is.regexp)!
  const isAnchored = /^\^.*\$$/.test(source) && !source.includes('|')
  if (isAnchored) return `${flag}${before}${source.slice(1, -1)}(?:;|$)`
  return source.includes('^') || source.includes('$') ? undefined : `${flag}${before}[^;]*(?:${source})`
}
