const NONE: readonly string[] = []

/**
 * The values of all cookies of one name in a `Cookie` field (RFC 6265 section 4.2), unquoted and undecoded, in order. A
 * browser may send several: those of longer paths mostly come first, but servers should not rely on that (section 5.4).
 * @param field several fields are joined to one
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
