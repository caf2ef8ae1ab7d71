import type { Leases } from '../discovery/leases.js'
import type { ShownPool } from '../observe/shown-pool.js'
import { ApiError } from './api-error.js'
import type { BackendList } from './backend-list.js'

/** The name of the pool that the variables define. */
export const DEFAULT_POOL = 'default'

/** A pool that is in use. */
export interface RunningPool extends ShownPool {
  readonly backendList: BackendList
  readonly leases: Leases | undefined
  /** Resolves when every change of its list so far is in the state file, if there is one. */
  backendListSaved(): Promise<void>
}

/** The pools of a server, in the order of its configuration. */
export class PoolSet {
  #pools: readonly RunningPool[]
  readonly #leaving = new Set<RunningPool>()

  constructor(pools: readonly RunningPool[]) {
    this.#pools = pools
  }

  /** A new array after each change. */
  get all(): readonly RunningPool[] {
    return this.#pools
  }

  /** With those that have left, and still have requests. */
  get counted(): readonly RunningPool[] {
    return [...this.#pools, ...this.#leaving]
  }

  /** Takes the place of all that were there before. Those that leave are counted until `forget`. */
  replace(pools: readonly RunningPool[]): void {
    const names = new Set(pools.map(({ name }) => name))
    for (const pool of this.#pools) if (!names.has(pool.name)) this.#leaving.add(pool)
    this.#pools = pools
  }

  /** A pool that has left has no requests any more. */
  forget(pool: RunningPool): void {
    this.#leaving.delete(pool)
  }

  /** Whether each of these pools has a backend that may be given requests; without names, whether any pool has. */
  hasEligible(names: readonly string[]): boolean {
    const eligible = this.#pools.filter(({ registry }) => registry.eligibleCount > 0)
    if (names.length === 0) return eligible.length > 0
    return names.every((name) => eligible.some((pool) => pool.name === name))
  }

  /**
   * The pool of a name.
   * @throws {ApiError} 404 `LB_NO_SUCH_POOL`
   */
  named(name: string): RunningPool {
    const pool = this.#pools.find((known) => known.name === name)
    if (!pool) throw new ApiError(404, 'LB_NO_SUCH_POOL', `There is no pool "${name}"`)
    return pool
  }

  /**
   * The only pool, which needs no name.
   * @param pathIn what the path would be in a pool, for the text of the error
   * @throws {ApiError} 409 `LB_POOL_NEEDED` if there are several
   */
  only(pathIn: (pool: string) => string): RunningPool {
    const [pool, ...others] = this.#pools
    if (pool && others.length === 0) return pool
    throw new ApiError(409, 'LB_POOL_NEEDED', `There are several pools: use ${pathIn('{pool}')}`)
  }
}
