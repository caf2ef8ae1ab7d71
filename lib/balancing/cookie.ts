const NONE: readonly string[] = []

/**
 * The values of the cookies of one name in a `Cookie` field (RFC 6265 section 4.2), as they stand there, in order. A
 * browser sends all that it has of a name, those of longer paths first, and no server should rely on that (section 5.4).
 * @param field the field, if there is one; several of them as one
 */
export function cookiesOf(field: string | undefined, name: string): readonly string[] {
  if (field === undefined) return NONE
  let values: string[] | undefined
  for (let start = 0; start < field.length; ) {
    let end = field.indexOf(';', start)
    if (end === -1) end = field.length
    while (field[start] === ' ' || field[start] === '\t') start++
    if (field[start + name.length] === '=' && field.startsWith(name, start)) {
      const value = field.slice(start + name.length + 1, end).trim()
      if (values) values.push(value)
      else values = [value]
    }
    start = end + 1
  }
  return values ?? NONE
}
