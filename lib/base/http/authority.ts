/** `host [ ":" port ]` of RFC 3986 section 3.2.2, without the characters that some would take for a delimiter. */
const AUTHORITY = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9._~%!$&'()*+;=-]+)(?::(\d{0,5}))?$/i
const MAX_PORT = 65_535

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
