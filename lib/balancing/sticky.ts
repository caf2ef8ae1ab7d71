import { createHmac, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Backend } from '../pool/backend.js'
import { cookiesOf } from './cookie.js'
import type { Policy } from './policy.js'
import type { StickyConfig } from './sticky-options.js'

/** Length of the signature: too long to guess, short to send. */
const TOKEN_BYTES = 16

/**
 * Sticky sessions: keeps each client on the backend that answered it first. The value of the cookie is an HMAC of the
 * pool's name and the backend's origin: it does not disclose the address, cannot be forged to choose a backend, and means
 * nothing to another pool. There is no table of sessions, so any balancer with the same secret understands the cookie.
 */
export class Sessions {
  readonly #cookie: string
  readonly #key: string | Buffer
  /** Stands before the origin in what is signed: no origin holds a NUL. */
  readonly #signedPrefix: string
  /** All attributes but `Secure`, which depends on the connection. */
  readonly #attributes: string
  readonly #secure: StickyConfig['secure']
  /** By token, the value of the cookie. */
  readonly #backends = new Map<string, Backend>()
  readonly #cookieLines = new Map<Backend, string>()
  #primaries: readonly Backend[] = []

  /**
   * @param before where there is no secret, the key of the pool, or its sessions until now, whose key serves on
   */
  constructor(backends: readonly Backend[], config: StickyConfig, before?: Sessions | Buffer) {
    this.#cookie = config.cookie
    this.#key = config.secret || Sessions.#keyOf(before) || randomBytes(TOKEN_BYTES)
    this.#signedPrefix = config.pool === '' ? '' : `${config.pool}\0`
    this.#attributes = attributesOf(config)
    this.#secure = config.secure
    this.setBackends(backends)
  }

  /** That of the sessions before these, or the one that is given. */
  static #keyOf(before: Sessions | Buffer | undefined): string | Buffer | undefined {
    return before instanceof Sessions ? before.#key : before
  }

  /** Replaces the backends. */
  setBackends(backends: readonly Backend[]): void {
    // To sign takes some microseconds, and of many backends few are new.
    const known = new Map([...this.#backends].map(([token, backend]) => [backend, token]))
    this.#backends.clear()
    this.#cookieLines.clear()
    this.#primaries = backends.filter(({ config, isTerminating }) => !config.backup && !isTerminating)
    for (const backend of backends) {
      const token = known.get(backend) ?? this.#tokenOf(backend)
      this.#backends.set(token, backend)
      this.#cookieLines.set(backend, `Set-Cookie: ${this.#cookie}=${token}${this.#attributes}`)
    }
  }

  /**
   * The backend of a client's session, if it may be given requests. Of several cookies the first such one counts; those
   * with an unknown value are ignored.
   */
  backendOf(req: IncomingMessage): Backend | undefined {
    for (const token of this.#tokensIn(req)) {
      const backend = this.#backendOfToken(token)
      if (backend && this.#mayStayOn(backend)) return backend
    }
    return undefined
  }

  /**
   * The `Set-Cookie` line, with its CRLF, that starts a session on the backend that answers; empty if the client has one.
   * @param isEncrypted whether the client's connection is encrypted
   */
  setCookieLine(req: IncomingMessage, backend: Backend, isEncrypted: boolean): string {
    const line = this.#cookieLines.get(backend)
    // It was removed meanwhile.
    if (line === undefined) return ''
    for (const token of this.#tokensIn(req)) {
      const current = this.#backendOfToken(token)
      if (current && (current === backend || this.#mayStayOn(current))) return ''
    }
    const isSecure = this.#secure === 'always' || (this.#secure === 'auto' && isEncrypted)
    return `${line}${isSecure ? '; Secure' : ''}\r\n`
  }

  #tokenOf({ origin }: Backend): string {
    const signature = createHmac('sha256', this.#key)
      .update(this.#signedPrefix + origin)
      .digest()
    return signature.subarray(0, TOKEN_BYTES).toString('base64url')
  }

  #tokensIn({ headers }: IncomingMessage): readonly string[] {
    return cookiesOf(headers.cookie, this.#cookie)
  }

  /** The backend of a token, which a client may send in quotes (RFC 6265 section 4.1.1). */
  #backendOfToken(token: string): Backend | undefined {
    return this.#backends.get(token.startsWith('"') && token.endsWith('"') ? token.slice(1, -1) : token)
  }

  /** A backup keeps its clients only while no primary is eligible. */
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

/**
 * Chooses the backend of the client's session, or as `policy` does. A request waits while that backend is at its limit. One
 * that is about to end keeps its sessions, though others are chosen from first.
 */
export function stickyPolicy(sessions: Sessions, policy: Policy): Policy {
  return {
    ...policy,
    choose(backends, req, tried) {
      const sticky = sessions.backendOf(req)
      if (!sticky || tried?.includes(sticky) || !(sticky.isTerminating || backends.includes(sticky)))
        return policy.choose(backends, req, tried)
      return sticky.hasRoom ? sticky : undefined
    }
  }
}
