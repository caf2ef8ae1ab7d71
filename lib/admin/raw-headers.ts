/**
 * All values of a field, in order. Of some fields Node's `headers` keeps only the first, and another parser may use the
 * last.
 * @param rawHeaders names and values in turn
 * @param name in lower case
 */
export function fieldValues(rawHeaders: readonly string[], name: string): readonly string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name)
}

/** Whether a request has several `Host` fields (RFC 9112 section 3.2). */
export function hasConflictingHosts(rawHeaders: readonly string[]): boolean {
  return fieldValues(rawHeaders, 'host').length > 1
}
