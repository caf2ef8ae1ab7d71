import { type BackendView, backendView } from '../observe/backend-view.js'
import type { Statistics } from '../observe/statistics.js'
import type { Backend } from '../pool/backend.js'
import type { Registry } from '../pool/registry.js'
import { canonicalBackendAddress } from '../pool/spec/backend-spec.js'
import { type BackendSpec, SpecError } from '../pool/spec/json-spec.js'
import { ApiError, backendExists, lastBackend, noSuchBackend } from './api-error.js'
import type { BackendList } from './list/backend-list.js'

/** Statistics of a pool, in the form of `/__lb/stats`, without the client connections, which belong to the server. */
export type PoolStatistics = Omit<Statistics, 'connections'>

/** What a pool consists of. */
export interface PoolParts {
  readonly registry: Registry
  readonly backendList: BackendList
  readonly statistics: () => Statistics
}

/** A pool of backends, as a program that embeds the balancer uses it. */
export class Pool {
  readonly name: string
  readonly #partsNow: () => PoolParts

  /** @param parts asked for with each call, as a pool with other settings consists of others */
  constructor(name: string, parts: () => PoolParts) {
    this.name = name
    this.#partsNow = parts
  }

  get #parts(): PoolParts {
    return this.#partsNow()
  }

  /** The current statistics. */
  stats(): PoolStatistics {
    const { connections: _connections, ...statistics } = this.#parts.statistics()
    return statistics
  }

  /**
   * Adds a backend.
   * @param backend its address, or an object with address and options
   * @throws {SpecError} `LB_WRONG_BACKEND` if it is invalid
   * @throws {ApiError} `LB_BACKEND_EXISTS` if there is one with this address
   */
  add(backend: string | BackendSpec): BackendView {
    const added = this.#parts.backendList.add(specFrom(backend))
    if (!added) throw backendExists()
    return backendView(added, this.name)
  }

  /**
   * Removes a backend, which finishes its requests in flight.
   * @throws {ApiError} `LB_NO_SUCH_BACKEND`, or `LB_LAST_BACKEND` if it is the last one
   */
  remove(address: string): void {
    if (!this.#parts.backendList.remove(this.#backendAt(address))) throw lastBackend()
  }

  /**
   * Drains a backend: it gets no new requests, but stays in the pool.
   * @param draining false to use it again
   * @throws {ApiError} `LB_NO_SUCH_BACKEND`
   */
  drain(address: string, draining = true): BackendView {
    const backend = this.#backendAt(address)
    this.#parts.backendList.change(backend, { draining: draining !== false })
    return backendView(backend, this.name)
  }

  #backendAt(address: string): Backend {
    const { registry } = this.#parts
    if (typeof address !== 'string') throw noSuchBackend()
    const backend = registry.backendAt(address) ?? registry.backendAt(canonicalBackendAddress(address))
    if (!backend) throw noSuchBackend()
    return backend
  }
}

/** A backend as a program gives it, whose options may be undefined. */
function specFrom(backend: string | BackendSpec): BackendSpec {
  const spec: unknown = typeof backend === 'string' ? { address: backend } : backend
  const address = (spec as Partial<BackendSpec> | null | undefined)?.address
  if (typeof address !== 'string')
    throw new SpecError(['a backend must be its address, or an object with its address and options'])
  return Object.fromEntries(
    Object.entries(spec as BackendSpec).filter(([, value]) => value !== undefined)
  ) as BackendSpec
}

/** The pools of one server, by their names. */
export class Pools {
  readonly #pools = new Map<string, Pool>()
  readonly #names = new Set<string>()
  readonly #cookies = new Set<string>()

  /**
   * Keeps a name for a pool, and its cookie for sessions: where both are the same, each pool would end the other's.
   * @param cookie with its domain and path, if the pool has sessions
   * @throws {ApiError} `LB_POOL_EXISTS` if there is a pool of this name, `LB_COOKIE_EXISTS` if one has this cookie
   */
  reserve(name: string, cookie: string | undefined): void {
    if (this.#names.has(name))
      throw new ApiError(409, 'LB_POOL_EXISTS', `There is a pool "${name}" already: give one of them a name`)
    if (cookie !== undefined && this.#cookies.has(cookie))
      throw new ApiError(409, 'LB_COOKIE_EXISTS', `Another pool has the cookie ${cookie} already`)
    this.#names.add(name)
    if (cookie !== undefined) this.#cookies.add(cookie)
  }

  /** Adds a pool whose name was reserved. */
  add(pool: Pool): void {
    this.#pools.set(pool.name, pool)
  }

  /** Takes the place of all pools. */
  protected replaceAll(pools: readonly Pool[]): void {
    this.#pools.clear()
    for (const pool of pools) this.add(pool)
  }

  /** The names of all pools, in the order in which they were registered. */
  get names(): string[] {
    return [...this.#pools.keys()]
  }

  /**
   * Returns a pool by its name, which may be omitted while there is only one.
   * @throws {ApiError} `LB_NO_SUCH_POOL`
   */
  pool(name?: string): Pool {
    const [first, ...others] = this.#pools.values()
    const pool = name === undefined ? (others.length === 0 ? first : undefined) : this.#pools.get(name)
    if (pool) return pool
    const there = this.names.map((known) => `"${known}"`).join(', ') || 'none'
    const wanted = name === undefined ? 'Say which pool' : `There is no pool "${name}"`
    throw new ApiError(404, 'LB_NO_SUCH_POOL', `${wanted}: there are ${there}`)
  }
}
