/**
 * The values of a field, in order: of some Node shows only the first, and another reader may go by the last.
 * @param rawHeaders names and values in turn
 * @param name in small letters
 */
export function fieldValues(rawHeaders: readonly string[], name: string): readonly string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name)
}

/** Whether a request names more than one host (RFC 9112 section 3.2), or another one than its `:authority` does. */
export function hasConflictingHosts(rawHeaders: readonly string[]): boolean {
  const hosts = fieldValues(rawHeaders, 'host')
  const [authority = hosts[0]] = fieldValues(rawHeaders, ':authority')
  return hosts.length > 1 || hosts.some((host) => host.toLowerCase() !== authority!.toLowerCase())
}
