type Fields = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * The value of a field in the `headers` of Node: of one that it keeps in a list, all lines joined. Names such as
 * `constructor`, which every object has, are names of fields as well.
 * @param name in small letters
 */
export function fieldValue(headers: Fields, name: string): string | undefined {
  const value: unknown = headers[name]
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.join(', ') : undefined
}
