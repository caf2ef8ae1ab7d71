import type { IncomingHttpHeaders } from 'node:http'

/** `Sec-Fetch-Site` of a request by a page of this origin, or by the user. */
const SAME_ORIGIN = new Set(['same-origin', 'none'])

/**
 * Whether a request may come from a page of another origin (CSRF), by its `Sec-Fetch-Site` and `Origin` fields, of which
 * programs send neither.
 * @param scheme of the connection, `http` or `https`
 */
export function isCrossSite(headers: IncomingHttpHeaders, scheme: string): boolean {
  const { origin, host = '' } = headers
  const site = headers['sec-fetch-site']
  if (site !== undefined && (typeof site !== 'string' || !SAME_ORIGIN.has(site))) return true
  return origin !== undefined && origin.toLowerCase() !== `${scheme}://${host}`.toLowerCase()
}
