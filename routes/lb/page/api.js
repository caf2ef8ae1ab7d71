// Changes of backends, with the token. That is kept in memory only: other pages of this origin may belong to backends.

/** Why a change failed, as text. */
export class Refused extends Error {}

export class Api {
  #model
  #token = ''

  constructor(model) {
    this.#model = model
  }

  get isUnlocked() {
    return this.#token !== ''
  }

  /** Checks a token, and keeps it if it is valid. */
  async unlock(token) {
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Refused('A token is of visible characters, without spaces.')
    const { status } = await send('GET', 'api/token', token)
    if (status === 401) throw new Refused('This is not the token that the balancer was started with.')
    if (status !== 204) throw new Refused(`The balancer answered ${status}.`)
    this.#token = token
  }

  lock() {
    this.#token = ''
  }

  /** Changes a backend, unless the list of its pool has changed since it was shown. */
  change(view, change) {
    return this.#do('PATCH', view, '', change)
  }

  /** Ends an ejection. */
  reset(view) {
    return this.#do('POST', view, '/reset')
  }

  async #do(method, { pool, address }, suffix, body) {
    const { versions } = this.#model
    const path = `api/pools/${encodeURIComponent(pool)}/backends/${encodeURIComponent(address)}${suffix}`
    const response = await send(method, path, this.#token, body, { 'If-Match': `"${versions[pool]}"` })
    if (response.status === 401) {
      this.lock()
      throw new Refused('The token is not valid any more: enter it again.')
    }
    if (response.status === 412)
      throw new Refused('Somebody else has changed the backends meanwhile. Look again, then repeat it.')
    if (!response.ok) {
      const { message } = await response.json().catch(() => ({}))
      throw new Refused(message ?? `The balancer answered ${response.status}.`)
    }
    versions[pool] = response.headers.get('ETag')?.replaceAll('"', '') ?? versions[pool]
  }
}

async function send(method, path, token, body, fields = {}) {
  const headers = { Authorization: `Bearer ${token}`, ...fields }
  try {
    return await fetch(path, {
      method,
      headers: body ? { ...headers, 'Content-Type': 'application/json' } : headers,
      body: body && JSON.stringify(body)
    })
  } catch {
    throw new Refused('The balancer does not answer.')
  }
}
