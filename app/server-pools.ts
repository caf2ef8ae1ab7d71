import type { FastifyInstance } from 'fastify'
import { ApiError } from '../lib/admin/api-error.js'
import { Pool, Pools } from '../lib/admin/pools.js'
import { copyOf } from '../lib/config/file/object.js'
import type { LoadBalancerOptions, RoutingOptions } from '../lib/config/options.js'
import { loadBalancerConfig, withRouting } from '../lib/config/program.js'
import { type Statistics, statisticsOfPool } from '../lib/observe/statistics.js'
import type { PoolChange } from './routed-pools.js'

/** The name of the only pool of a server without routes. */
const ONLY_POOL = '/'

/** The pools of a whole load balancer, as the program that embeds it uses them. */
export class ServerPools extends Pools {
  #server: FastifyInstance | undefined
  /** With the pools and routes that it has now. */
  #options: LoadBalancerOptions
  /** Resolves when the latest replacement has ended. */
  #latest: Promise<unknown> = Promise.resolve()

  /** @param options of the load balancer */
  constructor(options: LoadBalancerOptions) {
    super()
    this.#options = copyOf(options)
  }

  /** @param server whose pools are there by now */
  begin(server: FastifyInstance): void {
    this.#server = server
    if (server.routedPools) this.#showAll()
    else this.add(new Pool(ONLY_POOL, () => server))
  }

  /**
   * The current statistics of the whole load balancer, as `/__lb/stats` has them.
   * @throws {ApiError} `LB_NOT_READY` before it is ready
   */
  stats(): Statistics {
    return this.#ready().statistics()
  }

  /**
   * Replaces all pools, all routes, or both as one; if they are wrong, nothing. What is not given stays as it is, and so do
   * all other settings. Pools and backends that stay keep their state, their connections and what was changed of them while
   * they ran; requests under way end where they are. Routes change when each new pool that they lead to has a backend that
   * passed its check, or after 5 s.
   * @returns the names of the pools that have come, gone and changed
   * @throws {ConfigError} naming everything that is wrong
   * @throws {ApiError} `LB_NOT_READY` before it is ready, `LB_NO_ROUTES` if it was created without pools and routes
   */
  async replace(routing: RoutingOptions): Promise<PoolChange> {
    const { routedPools } = this.#ready()
    if (!routedPools)
      throw new ApiError(
        409,
        'LB_NO_ROUTES',
        'A load balancer that was created without pools and routes gets none'
      )
    const given = copyOf(routing)
    const change = this.#latest.then(async () => {
      const options = withRouting(this.#options, given)
      const changed = await routedPools.apply(loadBalancerConfig(options).routing!)
      this.#options = options
      this.#showAll()
      return changed
    })
    this.#latest = change.catch(() => {})
    return change
  }

  #ready(): FastifyInstance {
    if (this.#server) return this.#server
    throw new ApiError(
      409,
      'LB_NOT_READY',
      'The load balancer is not ready: listen() or ready() has to come first'
    )
  }

  #showAll(): void {
    const server = this.#ready()
    const { poolSet } = server
    this.replaceAll(
      poolSet.all.map(({ name }) => {
        const statistics = () => statisticsOfPool(server.statistics(), name)
        return new Pool(name, () => ({ ...poolSet.named(name), statistics }))
      })
    )
  }
}
