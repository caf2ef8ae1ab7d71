/** Where a backend registers itself, and as what. */
export interface RegistrationOptions {
  /** The balancer, with the name of a pool as its path: `http://lb:80/web`. */
  readonly url: URL
  readonly token: string
  /** `host:port`; with the host `0.0.0.0` that from which the balancer sees it come. */
  readonly address: string
  readonly ttlS: number
  readonly weight: number
  readonly say: (line: string) => void
}

/** Longest wait for an answer of the balancer, in milliseconds. */
const TIMEOUT_MS = 3000

/** Keeps a backend registered with a balancer: it renews its lease three times in each of its terms. */
export class Registration {
  readonly #options: RegistrationOptions
  readonly #timer: NodeJS.Timeout
  #state = ''

  constructor(options: RegistrationOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#renew(), (options.ttlS * 1000) / 3)
    void this.#renew()
  }

  /** Ends the lease, so that no more requests come. */
  async end(): Promise<void> {
    clearInterval(this.#timer)
    await this.#send('DELETE')
  }

  async #renew(): Promise<void> {
    const { ttlS: ttl, weight, say, url } = this.#options
    const state = await this.#send('PUT', { ttl, weight })
    if (state !== this.#state) say(`be ${state} at ${url.origin}`)
    this.#state = state
  }

  async #send(method: string, body?: object): Promise<string> {
    const { url, token, address } = this.#options
    const [, pool = ''] = /^\/([^/]*)\/?$/.exec(url.pathname) ?? []
    const place = pool === '' ? '' : `/pools/${pool}`
    const target = `${url.origin}/__lb/api${place}/leases/${encodeURIComponent(address)}`
    const headers = {
      Authorization: `Bearer ${token}`,
      ...(body ? { 'Content-Type': 'application/json' } : {})
    }
    try {
      const response = await fetch(target, {
        method,
        headers,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body ? { body: JSON.stringify(body) } : {})
      })
      const text = await response.text()
      if (response.ok) return 'is registered'
      return `is not registered (${response.status}): ${messageIn(text)}`
    } catch (error) {
      const { message, cause } = error as Error
      return `is not registered: ${(cause as Error | undefined)?.message ?? message}`
    }
  }
}

function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as { message: string }).message
  } catch {
    return text.slice(0, 200)
  }
}
