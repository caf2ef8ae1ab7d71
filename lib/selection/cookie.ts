/**
 * The value of a cookie in a `Cookie` field (RFC 6265 section 4.2), as it stands there; the first of several.
 * @param field the field, if there is one
 */
export function cookieOf(field: string | undefined, name: string): string | undefined {
  if (field === undefined) return undefined
  for (let start = 0; start < field.length; ) {
    let end = field.indexOf(';', start)
    if (end === -1) end = field.length
    while (field[start] === ' ' || field[start] === '\t') start++
    if (field[start + name.length] === '=' && field.startsWith(name, start))
      return field.slice(start + name.length + 1, end).trim()
    start = end + 1
  }
  return undefined
}
