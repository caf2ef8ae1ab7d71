/** Parameter names that suggest a secret: rather too many are redacted than too few. */
const SECRET_NAME =
  /token|key(?!word)|secret|passw|pwd|passphrase|signature|code|session|sess_?id|auth(?!ors?$)|credential|jwt|saml|assertion|ticket|nonce|otp|(?:^|[^a-z])(?:sig|sid|pin|pass|hmac|state)(?:$|[^a-z])/i
const HIDDEN = '***'
/** Levels of percent-encoding that are decoded. */
const MAX_DECODING = 3
const USER_INFO = /^([a-z][a-z0-9+.-]*:)?\/\/[^/?#]*@/i
const NESTED_USER_INFO = /\/\/[^/?#]*@/
/** A matrix parameter in a path, after a semicolon. */
const PATH_PARAMETER = /;([^=;/]*)=([^;/]*)/g
/** A parameter in a query or a fragment. */
const QUERY_PARAMETER = /([?&;#])([^=&;#]*)=([^&;#]*)/g

/**
 * Replaces user names, passwords, and the values of parameters whose names suggest a secret, by `***`.
 * @param url a request target or a URL
 */
export function redactSecrets(url: string): string {
  const queryStart = url.search(/[?#]/)
  let path = queryStart < 0 ? url : url.slice(0, queryStart)
  if (path.includes('@')) path = path.replace(USER_INFO, `$1//${HIDDEN}@`)
  if (path.includes(';')) path = path.replace(PATH_PARAMETER, hidePath)
  if (queryStart < 0) return path
  return path + url.slice(queryStart).replace(QUERY_PARAMETER, hideQuery)
}

function hidePath(whole: string, name: string, value: string): string {
  return isSecret(name, value) ? `;${name}=${HIDDEN}` : whole
}

function hideQuery(whole: string, before: string, name: string, value: string): string {
  return isSecret(name, value) ? `${before}${name}=${HIDDEN}` : whole
}

function isSecret(name: string, value: string): boolean {
  if (value === '') return false
  if (SECRET_NAME.test(decoded(name))) return true
  // The value may be a URL with parameters of its own.
  const text = decoded(value)
  return (text.includes('=') && SECRET_NAME.test(text)) || NESTED_USER_INFO.test(text)
}

function decoded(text: string): string {
  let result = text
  for (let i = 0; i < MAX_DECODING && result.includes('%'); i++) {
    result = result.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16))
    )
  }
  return result
}
