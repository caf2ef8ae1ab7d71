import type { OutgoingHttpHeaders } from 'node:http2'

/** Fields of one connection, of which HTTP/2 knows none (RFC 9113 section 8.2.2). */
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
 * Fields for HTTP/2, from the lines of a head, each with its CRLF, without its first line; names are in lower case
 * there (RFC 9113 section 8.2.1). Fields of one name come together, in their order.
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

/** The same from names and values in turn. */
export function fieldsFromList(list: readonly string[]): OutgoingHttpHeaders {
  const fields = noFields()
  for (let i = 0; i < list.length; i += 2) addField(fields, list[i]!, list[i + 1]!)
  return fields
}

/** Whatever a field is called, there is none of its name yet. */
const noFields = (): OutgoingHttpHeaders => Object.create(null)

function addField(fields: OutgoingHttpHeaders, writtenName: string, value: string): void {
  const name = writtenName.toLowerCase()
  if (OF_CONNECTION.has(name)) return
  const before = fields[name]
  if (before === undefined) fields[name] = value
  else if (Array.isArray(before)) before.push(value)
  else fields[name] = [before as string, value]
}

/** Sends fields, each but `set-cookie` in one line (RFC 9110 section 5.3) if need be: Node refuses some that come twice. */
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

/** What nghttp2 takes for a name or a value; a larger one would end the session. */
const MAX_FIELD_BYTES = 65_536

/**
 * Whether fields can be sent, also where those of one name are joined.
 * @param totalBytes of all of them, and no less
 */
export function areSendable(fields: OutgoingHttpHeaders, totalBytes: number): boolean {
  if (totalBytes <= MAX_FIELD_BYTES) return true
  return Object.entries(fields).every(([name, value]) => {
    const texts = Array.isArray(value) ? value : [`${value}`]
    const parts = name === 'set-cookie' ? texts : [texts.join(', ')]
    return [name, ...parts].every(({ length }) => length <= MAX_FIELD_BYTES)
  })
}
