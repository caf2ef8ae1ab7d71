/**
 * Whether a version matches the `If-Match` field of a request, or there is none (RFC 9110 section 13.1.1). Weak tags
 * never match.
 */
export function matchesIfMatch(version: string, ifMatch: string | undefined): boolean {
  if (ifMatch === undefined) return true
  const tags = ifMatch.split(',').map((tag) => tag.trim())
  return tags.includes('*') || tags.includes(`"${version}"`)
}
