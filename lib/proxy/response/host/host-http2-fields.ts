import type { OutgoingHttpHeaders } from 'node:http2'

/** Connection-specific fields, which HTTP/2 does not have (RFC 9113 section 8.2.2). */
const OF_CONNECTION = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade'
])

/**
 * Fields for Node's HTTP/2, with names in lower case (RFC 9113 section 8.2.1). Fields of one name become a list.
 * @param lines fields of HTTP/1.1, each with its CRLF
 */
export function fieldsFromLines(lines: string): OutgoingHttpHeaders {
  const fields = noFields()
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf('\r\n', at)
    const colon = lines.indexOf(':', at)
    addField(fields, lines.slice(at, colon), lines.slice(colon + 1, end).trim())
    at = end + 2
  }
  return fields
}

/** The same from alternating names and values. */
export function fieldsFromList(list: readonly string[]): OutgoingHttpHeaders {
  const fields = noFields()
  for (let i = 0; i < list.length; i += 2) addField(fields, list[i]!, list[i + 1]!)
  return fields
}

/** Without a prototype, so that no field name finds something inherited. */
const noFields = (): OutgoingHttpHeaders => Object.create(null)

function addField(fields: OutgoingHttpHeaders, writtenName: string, value: string): void {
  const name = writtenName.toLowerCase()
  if (OF_CONNECTION.has(name)) return
  const before = fields[name]
  if (before === undefined) fields[name] = value
  else if (Array.isArray(before)) before.push(value)
  else fields[name] = [before as string, value]
}

/**
 * Calls `send` with the fields. Node throws for some repeated ones: then all but `set-cookie` are joined (RFC 9110 section
 * 5.3).
 */
export function sendFields(fields: OutgoingHttpHeaders, send: (fields: OutgoingHttpHeaders) => void): void {
  try {
    send(fields)
  } catch {
    send(joined(fields))
  }
}

function joined(fields: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    Array.isArray(value) && name !== 'set-cookie' ? value.join(', ') : value
  ])
  return Object.fromEntries(entries)
}

/** The limit of nghttp2 for a name or a value: a larger one would end the session. */
const MAX_FIELD_BYTES = 65_536

/**
 * Whether nghttp2 can send the fields, even joined.
 * @param totalBytes upper bound of their total size
 */
export function areSendable(fields: OutgoingHttpHeaders, totalBytes: number): boolean {
  if (totalBytes <= MAX_FIELD_BYTES) return true
  return Object.entries(fields).every(([name, value]) => {
    const texts = Array.isArray(value) ? value : [`${value}`]
    const parts = name === 'set-cookie' ? texts : [texts.join(', ')]
    return [name, ...parts].every(({ length }) => length <= MAX_FIELD_BYTES)
  })
}
