import { charTable, hasOnly, SPACE, TAB, TEXT, TOKEN } from '../http/characters.js'

/** The characters of a field name: a token without upper case (RFC 9113 section 8.2.1). */
export const NAME = charTable((code) => TOKEN[code] === 1 && !(code >= 0x41 && code <= 0x5a))

/** Connection-specific fields, with which a message is malformed (RFC 9113 section 8.2.2); but for `te`. */
export const OF_CONNECTION = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']

/**
 * Whether name and value have the characters of a field (RFC 9113 section 8.2.1, RFC 9110 sections 5.1 and 5.5), without
 * blanks around the value.
 */
export function isField(name: string, value: string): boolean {
  return isName(name) && isValue(value)
}

/** Whether a text is the name of a field. */
export const isName = (name: string): boolean => name.length > 0 && hasOnly(NAME, name)

/** Whether a text is the value of a field. */
export function isValue(value: string): boolean {
  return hasOnly(TEXT, value) && !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(value.length - 1))
}

const isBlank = (code: number) => code === SPACE || code === TAB

/** Whether a value of `te` is the only one that HTTP/2 has (RFC 9113 section 8.2.2). */
export const isTrailersOnly = (value: string): boolean =>
  value === 'trailers' || value.toLowerCase() === 'trailers'

const NEVER = new Set(OF_CONNECTION)

/**
 * Whether the fields behind a body are well-formed (RFC 9113 section 8.1): no pseudo-header fields, and none of the
 * connection. Not all of them may be passed on.
 * @param fields names and values in turn
 */
export function areTrailers(fields: readonly string[]): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!
    const value = fields[i + 1]!
    if (!isField(name, value) || NEVER.has(name)) return false
    if (name === 'te' && !isTrailersOnly(value)) return false
  }
  return true
}
