import { trimBlanks } from '../../base/http/characters.js'
import { FieldNames } from '../../base/http/field-names.js'
import { BALANCER_FIELDS, MESSAGE_FIELDS, PROXY_FIELDS } from '../../base/http/forwarding-names.js'
import { BrokenResponse } from './broken-response.js'

/** Fields of framing, routing, authentication or the connection: dropped from trailers (RFC 9110 section 6.5.1). */
const NEVER_TRAILERS = new FieldNames([
  ...BALANCER_FIELDS,
  ...PROXY_FIELDS,
  ...MESSAGE_FIELDS,
  'authorization',
  'expect',
  'max-forwards',
  'proxy',
  'proxy-authorization',
  'host',
  'http2-settings'
])

const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:([\t\x20-\x7e\x80-\xff]*)$/

/**
 * Parses trailers into alternating names and values. Whitespace before a colon is removed, as in a head (RFC 9112 section
 * 5.1).
 * @param text lines, each with its CRLF
 * @throws {BrokenResponse} if a line is no field
 */
export function parseTrailers(text: string): string[] {
  const fields: string[] = []
  for (const line of text.slice(0, -2).split('\r\n')) {
    const [, name, value] = FIELD.exec(line) ?? []
    if (name === undefined || value === undefined) throw new BrokenResponse('trailer', true)
    fields.push(name, trimBlanks(value))
  }
  return passableTrailers(fields)
}

/**
 * Trailers that may be passed on.
 * @param fields alternating names and values
 */
export function passableTrailers(fields: readonly string[]): string[] {
  return fields.filter((_, i) => !NEVER_TRAILERS.hasCgiEquivalent(fields[i & ~1]!))
}
