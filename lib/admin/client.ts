import { Agent, type Dispatcher, request } from 'undici'
import type { BackendView } from '../observe/backend-view.js'
import type { Statistics } from '../observe/statistics.js'
import type { BackendSpec } from '../pool/spec/json-spec.js'
import type { BackendOptions, Orders } from './list/orders.js'

const TIMEOUT_MS = 10_000
/** However many pools there are. */
const MAX_CONNECTIONS = 4

/** A backend of a balancer. */
export interface BackendName {
  readonly pool: string
  readonly address: string
}

/** Client of a running balancer's API. Error messages are written for people. */
export class AdminClient {
  readonly #url: string
  readonly #token: string
  readonly #dispatcher = new Agent({ connections: MAX_CONNECTIONS })

  /**
   * @param url origin of the balancer
   * @param token empty for none, which is enough to read if the balancer accepts the host of the URL
   */
  constructor(url: string, token: string) {
    this.#url = url.replace(/\/+$/, '')
    this.#token = token
  }

  /** The names of all pools, in the order of the configuration. */
  async pools(): Promise<readonly string[]> {
    const { pools } = await this.#ask<{ pools: readonly { readonly name: string }[] }>('GET', 'api/pools')
    return pools.map(({ name }) => name)
  }

  /** The backends of some pools, one pool after the other. */
  async backends(pools: readonly string[]): Promise<readonly BackendView[]> {
    const lists = await Promise.all(
      pools.map((pool) => this.#ask<{ backends: readonly BackendView[] }>('GET', listOf(pool)))
    )
    return lists.flatMap(({ backends }) => backends)
  }

  statistics(): Promise<Statistics> {
    return this.#ask('GET', 'stats')
  }

  add(pool: string, spec: BackendSpec): Promise<BackendView> {
    return this.#ask('POST', listOf(pool), spec)
  }

  change(backend: BackendName, change: Orders & BackendOptions): Promise<BackendView> {
    return this.#ask('PATCH', pathOf(backend), change)
  }

  remove(backend: BackendName): Promise<void> {
    return this.#ask('DELETE', pathOf(backend))
  }

  reset(backend: BackendName): Promise<BackendView> {
    return this.#ask('POST', `${pathOf(backend)}/reset`)
  }

  async #ask<T>(method: Dispatcher.HttpMethod, path: string, body?: object): Promise<T> {
    const { statusCode, text } = await request(`${this.#url}/__lb/${path}`, {
      method,
      dispatcher: this.#dispatcher,
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

const listOf = (pool: string) => `api/pools/${encodeURIComponent(pool)}/backends`
const pathOf = ({ pool, address }: BackendName) => `${listOf(pool)}/${encodeURIComponent(address)}`

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
