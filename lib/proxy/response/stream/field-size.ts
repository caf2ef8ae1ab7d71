/** Many clients take no longer name or value (those by nghttp2): they end the connection, with all that is under way on it. */
const MAX_BYTES = 65_536

/** Whether a field is too large for clients of HTTP/2. @param lines fields, each a line with its CRLF */
export function hasLargeField(lines: string): boolean {
  if (lines.length <= MAX_BYTES) return false
  return lines.split('\r\n').some((line) => {
    const colon = line.indexOf(':')
    return colon > MAX_BYTES || line.slice(colon + 1).trim().length > MAX_BYTES
  })
}

/** The same of names and values in turn. */
export const hasLargeText = (flat: readonly string[]) => flat.some(({ length }) => length > MAX_BYTES)
