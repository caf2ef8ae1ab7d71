import { type Dispatcher, request } from 'undici'
import type { BackendView } from '../observe/backend-view.js'
import type { Statistics } from '../observe/statistics.js'
import type { BackendSpec } from '../pool/spec/json-spec.js'
import type { BackendOptions, Orders } from './backend-list.js'

const TIMEOUT_MS = 10_000

/** Client of a running balancer's API. Error messages are written for people. */
export class AdminClient {
  readonly #url: string
  readonly #token: string

  /**
   * @param url origin of the balancer
   * @param token empty for none, which is enough to read if the balancer accepts the host of the URL
   */
  constructor(url: string, token: string) {
    this.#url = url.replace(/\/+$/, '')
    this.#token = token
  }

  async backends(): Promise<readonly BackendView[]> {
    const { backends } = await this.#ask<{ backends: readonly BackendView[] }>('GET', 'api/backends')
    return backends
  }

  statistics(): Promise<Statistics> {
    return this.#ask('GET', 'stats')
  }

  add(spec: BackendSpec): Promise<BackendView> {
    return this.#ask('POST', 'api/backends', spec)
  }

  change(name: string, change: Orders & BackendOptions): Promise<BackendView> {
    return this.#ask('PATCH', pathOf(name), change)
  }

  remove(name: string): Promise<void> {
    return this.#ask('DELETE', pathOf(name))
  }

  reset(name: string): Promise<BackendView> {
    return this.#ask('POST', `${pathOf(name)}/reset`)
  }

  async #ask<T>(method: Dispatcher.HttpMethod, path: string, body?: object): Promise<T> {
    const { statusCode, text } = await request(`${this.#url}/__lb/${path}`, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        ...(this.#token === '' ? {} : { Authorization: `Bearer ${this.#token}` }),
        ...(body ? { 'Content-Type': 'application/json' } : {})
      },
      body: body && JSON.stringify(body)
    })
      .then(async (response) => ({ statusCode: response.statusCode, text: await response.body.text() }))
      .catch((error) => {
        throw new Error(`nothing answers at ${this.#url}: ${reasonOf(error)}`)
      })
    if (statusCode >= 300) throw new Error(this.#explain(method, statusCode, text))
    try {
      return (text === '' ? undefined : JSON.parse(text)) as T
    } catch {
      throw new Error(`what answers at ${this.#url} is no balancer`)
    }
  }

  #explain(method: string, status: number, text: string): string {
    const { code, message } = readError(text)
    if (status === 404 && code === undefined)
      return method === 'GET'
        ? `no balancer shows its state at ${this.#url}: see LB_ADMIN_ALLOW and LB_ADMIN_PORT`
        : `the balancer at ${this.#url} takes no changes: see LB_ADMIN_TOKEN and LB_ADMIN_ALLOW`
    if (status === 401)
      return this.#token === '' ? 'LB_ADMIN_TOKEN is not set' : 'LB_ADMIN_TOKEN is not that of the balancer'
    return message ?? `${this.#url} answered ${status}`
  }
}

const pathOf = (name: string) => `api/backends/${encodeURIComponent(name)}`

function readError(text: string): { code?: string; message?: string } {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}

function reasonOf(error: Error & { code?: string }): string {
  return error.name === 'TimeoutError' ? `not within ${TIMEOUT_MS / 1000} s` : (error.code ?? error.message)
}
