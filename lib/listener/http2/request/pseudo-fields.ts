import { isAuthority } from '../../../base/http/authority.js'
import { charTable, hasOnly, SPACE, TEXT, TOKEN } from '../../../base/http/characters.js'

const SLASH = 0x2f
const HASH = 0x23

/** The characters of a target that every reader takes. */
const TARGET = charTable((code) => code > SPACE && code < 0x7f && code !== HASH)
/** The characters without which no target or authority can be told from what stands around it. */
const UNBROKEN = charTable((code) => TEXT[code] === 1 && code > SPACE)
const SCHEME = /^[a-z][a-z0-9+.-]*$/i
const PORT = /[^:]:\d+$/
/** The methods of plain requests. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const CONNECT = 'CONNECT'

/** The control data of a request (RFC 9113 section 8.3.1, RFC 8441 section 4). What is absent is empty. */
export class PseudoFields {
  method = ''
  scheme = ''
  authority = ''
  path = ''
  protocol = ''
  /** Whether the path has the characters of a target only. */
  #isVisible = false

  clear(): void {
    this.method = this.scheme = this.authority = this.path = this.protocol = ''
  }

  /** Adds a field. Returns whether the request can have it: once, and not empty. */
  add(name: string, value: string): boolean {
    if (value === '') return false
    switch (name) {
      case ':method':
        if (this.method !== '') return false
        this.method = value
        return true
      case ':path':
        if (this.path !== '') return false
        this.path = value
        return true
      case ':scheme':
        if (this.scheme !== '') return false
        this.scheme = value
        return true
      case ':authority':
        if (this.authority !== '') return false
        this.authority = value
        return true
      case ':protocol':
        if (this.protocol !== '') return false
        this.protocol = value
        return true
      default:
        return false
    }
  }

  /** Whether the request is of a scheme that is served. */
  get isHttp(): boolean {
    const { scheme } = this
    if (scheme === 'https' || scheme === 'http') return true
    const lower = scheme.toLowerCase()
    return lower === 'https' || lower === 'http'
  }

  get isHttps(): boolean {
    return this.scheme.length === 5 && this.scheme.toLowerCase() === 'https'
  }

  /** Whether they are those of a well-formed request. */
  check(): boolean {
    const { method, scheme, authority, path, protocol } = this
    if (!METHODS.has(method)) {
      if (method === '' || !hasOnly(TOKEN, method)) return false
      if (method === CONNECT && protocol === '')
        return scheme === '' && path === '' && PORT.test(authority) && isPossible(authority)
    }
    if (protocol !== '' && (method !== CONNECT || authority === '' || !hasOnly(UNBROKEN, protocol)))
      return false
    this.#isVisible = hasOnly(TARGET, path)
    if (path === '' || !(this.#isVisible || hasOnly(UNBROKEN, path))) return false
    if (!isPossible(authority)) return false
    if (!this.isHttp) return SCHEME.test(scheme)
    return path.charCodeAt(0) === SLASH || (path === '*' && method === 'OPTIONS')
  }

  /**
   * Whether every reader reads them alike, as those of a request of HTTP/1.1. To be called after `check`.
   * @param maxTargetBytes limit of the target
   */
  arePlain(maxTargetBytes: number): boolean {
    return METHODS.has(this.method) && this.isHttp && this.#isVisible && this.path.length <= maxTargetBytes
  }
}

/** Whether a text can be an authority: it has no userinfo (RFC 9113 section 8.3.1), and nothing ends within it. */
function isPossible(authority: string): boolean {
  return (
    authority === '' || isAuthority(authority) || (!authority.includes('@') && hasOnly(UNBROKEN, authority))
  )
}
