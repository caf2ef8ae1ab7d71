/** `host [ ":" port ]` of RFC 3986 section 3.2.2, without the characters that some would take for a delimiter. */
const AUTHORITY = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9._~%!$&'()*+;=-]+)(?::(\d{0,5}))?$/i
const MAX_PORT = 65_535
/** The port of a scheme where none, or an empty one, is named. */
const HTTP_PORT = /:(?:80)?$/
const HTTPS_PORT = /:(?:443)?$/

let lastAuthority = ''

/** Whether a text is a host, with or without a port, that all readers read alike. */
export function isAuthority(text: string): boolean {
  // It is mostly the same as in the request before.
  if (text === lastAuthority) return true
  const match = AUTHORITY.exec(text)
  if (!match || Number(match[1] ?? 0) > MAX_PORT) return false
  lastAuthority = text
  return true
}

/** Whether two authorities are one: neither case nor the default port of the scheme matters (RFC 9110 section 4.2.3). */
export function areSameAuthority(one: string, other: string, isHttps: boolean): boolean {
  if (one === other) return true
  const port = isHttps ? HTTPS_PORT : HTTP_PORT
  return one.toLowerCase().replace(port, '') === other.toLowerCase().replace(port, '')
}
