import { createHmac, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Backend } from '../backend.js'
import type { StickyConfig } from '../config/balancing.js'
import { cookieOf } from './cookie.js'
import type { Policy } from './policy.js'

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
  readonly #age: string
  readonly #backends = new Map<string, Backend>()
  readonly #lines = new Map<Backend, string>()
  #proper: readonly Backend[] = []

  constructor(backends: readonly Backend[], { cookie, secret, maxAgeMs }: StickyConfig) {
    this.#cookie = cookie
    this.#key = secret || randomBytes(TOKEN_BYTES)
    this.#age = maxAgeMs > 0 ? `; Max-Age=${Math.ceil(maxAgeMs / 1000)}` : ''
    this.setBackends(backends)
  }

  /** From now on these are all that there are. */
  setBackends(backends: readonly Backend[]): void {
    this.#backends.clear()
    this.#lines.clear()
    this.#proper = backends.filter(({ config }) => !config.backup)
    for (const backend of backends) {
      const signature = createHmac('sha256', this.#key).update(backend.origin).digest()
      const token = signature.subarray(0, TOKEN_BYTES).toString('base64url')
      this.#backends.set(token, backend)
      this.#lines.set(
        backend,
        `Set-Cookie: ${this.#cookie}=${token}; Path=/; HttpOnly; SameSite=Lax${this.#age}`
      )
    }
  }

  /** The backend that a client is kept on: one that it was on before, and that may be given its requests. */
  backendOf(req: IncomingMessage): Backend | undefined {
    const backend = this.#named(req)
    return backend && this.#keeps(backend) ? backend : undefined
  }

  /**
   * The line, with its CRLF, that keeps a client on the backend that answers it; empty if it is kept on one.
   * @param isSecure whether the client's connection is encrypted
   */
  lineFor(req: IncomingMessage, backend: Backend, isSecure: boolean): string {
    const line = this.#lines.get(backend)
    // One that has left meanwhile is not for coming back to.
    if (line === undefined) return ''
    const named = this.#named(req)
    if (named && (named === backend || this.#keeps(named))) return ''
    return `${line}${isSecure ? '; Secure' : ''}\r\n`
  }

  /** The backend that the cookie stands for. */
  #named({ headers }: IncomingMessage): Backend | undefined {
    const token = cookieOf(headers.cookie, this.#cookie)
    return token === undefined ? undefined : this.#backends.get(token)
  }

  /** A backup keeps its clients only while there is need of it. */
  #keeps({ eligible, config }: Backend): boolean {
    return eligible && !(config.backup && this.#proper.some((backend) => backend.eligible))
  }
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
