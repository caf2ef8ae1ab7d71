import { createHmac, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Backend } from '../pool/backend.js'
import { cookiesOf } from './cookie.js'
import type { Policy } from './policy.js'
import type { StickyConfig } from './sticky-options.js'

/** Of the signature that stands for a backend: too many to guess, and few to send. */
const TOKEN_BYTES = 16

/**
 * Keeps each client on the backend that answered it first, by a cookie whose value is a signature of the backend's
 * address: it shows nothing of that, and nobody can make one for a backend of their choice. There is no table of
 * sessions, so that any balancer with the same secret understands it.
 */
export class Sessions {
  readonly #cookie: string
  readonly #key: string | Buffer
  /** Those attributes of the cookie that do not change from one request to the next. */
  readonly #attributes: string
  readonly #secure: StickyConfig['secure']
  readonly #backends = new Map<string, Backend>()
  readonly #lines = new Map<Backend, string>()
  #primaries: readonly Backend[] = []

  constructor(backends: readonly Backend[], config: StickyConfig) {
    this.#cookie = config.cookie
    this.#key = config.secret || randomBytes(TOKEN_BYTES)
    this.#attributes = attributesOf(config)
    this.#secure = config.secure
    this.setBackends(backends)
  }

  /** From now on these are all that there are. */
  setBackends(backends: readonly Backend[]): void {
    this.#backends.clear()
    this.#lines.clear()
    this.#primaries = backends.filter(({ config }) => !config.backup)
    for (const backend of backends) {
      const signature = createHmac('sha256', this.#key).update(backend.origin).digest()
      const token = signature.subarray(0, TOKEN_BYTES).toString('base64url')
      this.#backends.set(token, backend)
      this.#lines.set(backend, `Set-Cookie: ${this.#cookie}=${token}${this.#attributes}`)
    }
  }

  /**
   * The backend that a client is kept on: one that it was on before, and that may be given its requests. Of several
   * cookies the first counts for which that is so; those that are none of the balancer's are passed over.
   */
  backendOf(req: IncomingMessage): Backend | undefined {
    for (const token of this.#tokensIn(req)) {
      const backend = this.#backendOfToken(token)
      if (backend && this.#mayStayOn(backend)) return backend
    }
    return undefined
  }

  /**
   * The line, with its CRLF, that keeps a client on the backend that answers it; empty if it is kept on one.
   * @param isEncrypted whether the client's connection is
   */
  setCookieLine(req: IncomingMessage, backend: Backend, isEncrypted: boolean): string {
    const line = this.#lines.get(backend)
    // One that has left meanwhile is not for coming back to.
    if (line === undefined) return ''
    for (const token of this.#tokensIn(req)) {
      const named = this.#backendOfToken(token)
      if (named && (named === backend || this.#mayStayOn(named))) return ''
    }
    const isSecure = this.#secure === 'always' || (this.#secure === 'auto' && isEncrypted)
    return `${line}${isSecure ? '; Secure' : ''}\r\n`
  }

  #tokensIn({ headers }: IncomingMessage): readonly string[] {
    return cookiesOf(headers.cookie, this.#cookie)
  }

  /** The backend that a token stands for, which a client may send in quotes (RFC 6265 section 4.1.1). */
  #backendOfToken(token: string): Backend | undefined {
    return this.#backends.get(token.startsWith('"') && token.endsWith('"') ? token.slice(1, -1) : token)
  }

  /** A backup keeps its clients only while there is need of it. */
  #mayStayOn({ eligible, config }: Backend): boolean {
    return eligible && !(config.backup && this.#primaries.some((backend) => backend.eligible))
  }
}

function attributesOf({ path, domain, isHttpOnly, sameSite, maxAgeMs, isPartitioned }: StickyConfig): string {
  return [
    `; Path=${path}`,
    domain && `; Domain=${domain}`,
    isHttpOnly && '; HttpOnly',
    `; SameSite=${sameSite}`,
    maxAgeMs > 0 && `; Max-Age=${Math.ceil(maxAgeMs / 1000)}`,
    isPartitioned && '; Partitioned'
  ]
    .filter(Boolean)
    .join('')
}

/** Chooses the backend that a client is kept on, or as `policy` does. One that has no room just now is waited for. */
export function stickyPolicy(sessions: Sessions, policy: Policy): Policy {
  return {
    ...policy,
    choose(backends, req, tried) {
      const own = sessions.backendOf(req)
      if (!own || tried?.includes(own) || !backends.includes(own)) return policy.choose(backends, req, tried)
      return own.hasRoom ? own : undefined
    }
  }
}
