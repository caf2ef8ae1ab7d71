import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { type Config, OF_POOL, type PoolConfig, type RoutingConfig } from '../lib/config/config.js'
import { addTotals } from '../lib/pool/counters.js'
import type { Forwarder } from '../lib/proxy/forwarder.js'
import type { RouteAction } from '../lib/routing/options.js'
import { createRoutedPool } from './routed-pool.js'

/** How long routes wait for the backends of new pools to pass a check. */
const READY_MS = 5000
const POLL_MS = 20

interface Running {
  readonly given: PoolConfig
  readonly instance: FastifyInstance
}

/** What a change of the configuration has done to the pools, by name. */
export interface PoolChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Those whose settings are others now, or whose backends are. */
  readonly changed: readonly string[]
}

/** The pools of a server, as the file has them, and as it changes. */
export class RoutedPools {
  readonly #server: FastifyInstance
  readonly #config: Config
  #running: ReadonlyMap<string, Running> = new Map()
  /** Those that do not serve yet, or end the requests that they have. */
  readonly #others = new Set<FastifyInstance>()

  /** @param config the server's; what pools share, stays as it is here */
  constructor(server: FastifyInstance, config: Config) {
    this.#server = server
    this.#config = config
  }

  forwarderOf = (pool: string): Forwarder => this.#running.get(pool)!.instance.poolForwarder

  /** Creates the pools at the start. */
  async create(pools: readonly PoolConfig[]): Promise<void> {
    const running = new Map<string, Running>()
    for (const given of pools)
      running.set(given.name, { given, instance: await createRoutedPool(this.#server, given) })
    this.#use(running)
  }

  /** Resolves when the first check of each backend has ended, or after a few seconds. */
  async ready(): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.ready()))
  }

  /**
   * Replaces pools and routes as one, or, if that fails, nothing. Pools and backends that stay keep their state, and requests
   * under way end where they are. Routes change when each new pool that they lead to has a backend that passed its check,
   * or after a few seconds.
   */
  async apply({ pools, routes }: RoutingConfig): Promise<PoolChange> {
    const before = this.#running
    const next = new Map<string, Running>()
    const created: FastifyInstance[] = []
    const changed: string[] = []
    try {
      for (const pool of pools) {
        const given = { name: pool.name, config: this.#merged(pool.config) }
        const old = before.get(given.name)
        if (old && hasSameSettings(old.given.config, given.config)) {
          next.set(given.name, { given, instance: old.instance })
          continue
        }
        const instance = await createRoutedPool(this.#server, continued(given, old), old?.instance)
        created.push(instance)
        this.#others.add(instance)
        next.set(given.name, { given, instance })
        if (old) changed.push(given.name)
        else void instance.ready()
      }
      const named = new Set(routes.flatMap(({ action }) => poolsOf(action)))
      const awaited = created.filter(({ pool: { name } }) => !before.has(name) && named.has(name))
      await this.#awaitBackends(awaited)
      const forwarderOf = (name: string) => next.get(name)!.instance.poolForwarder
      this.#server.router!.replace(routes, forwarderOf)
    } catch (error) {
      await Promise.all(created.map((instance) => instance.close()))
      throw error
    } finally {
      for (const instance of created) this.#others.delete(instance)
    }
    this.#use(next)
    for (const [name, { instance, given }] of next) {
      const old = before.get(name)
      if (old && old.instance !== instance) void instance.ready()
      if (!old || isDeepStrictEqual(old.given.config.backends, given.config.backends)) continue
      if (old.instance === instance) {
        instance.backendList.configure(given.config.backends)
        changed.push(name)
      }
    }
    const removed: string[] = []
    for (const [name, { instance }] of before) {
      const successor = next.get(name)?.instance
      if (successor === instance) continue
      if (!successor) removed.push(name)
      this.#retire(instance, successor)
    }
    return { added: pools.map(({ name }) => name).filter((name) => !before.has(name)), removed, changed }
  }

  startDraining(): void {
    for (const { registry } of [...this.#instances, ...this.#others]) registry.startDraining()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#instances, ...this.#others].map((instance) => instance.close()))
  }

  get #instances(): FastifyInstance[] {
    return [...this.#running.values()].map(({ instance }) => instance)
  }

  #use(running: ReadonlyMap<string, Running>): void {
    this.#running = running
    this.#server.poolSet.replace(this.#instances.map(({ pool }) => pool))
  }

  /** What only the next start takes over, stays as it is. */
  #merged(config: Config): Config {
    const own = Object.fromEntries([...OF_POOL, 'backends' as const].map((key) => [key, config[key]]))
    return { ...this.#config, ...own, routing: undefined }
  }

  async #awaitBackends(created: readonly FastifyInstance[]): Promise<void> {
    const untilMs = performance.now() + READY_MS
    const isReady = ({ registry }: FastifyInstance) => registry.eligibleCount > 0
    while (!created.every(isReady) && performance.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }

  /** Closes a pool when its last request is over. */
  #retire(instance: FastifyInstance, successor: FastifyInstance | undefined): void {
    const { registry, poolForwarder, pool } = instance
    this.#others.add(instance)
    registry.retire(successor?.registry)
    const closeIfIdle = () => {
      if (!poolForwarder.isIdle) return
      registry.off('tick', closeIfIdle)
      this.#others.delete(instance)
      if (!successor) {
        addTotals(this.#server.registry.counters, registry.counters)
        this.#server.requestMetrics.absorb(pool.requests)
        this.#server.poolSet.forget(pool)
      }
      void instance.close()
    }
    registry.on('tick', closeIfIdle)
  }
}

function poolsOf(action: RouteAction): readonly string[] {
  if (action.kind === 'pool') return [action.pool]
  return action.kind === 'split' ? action.pools.map(({ pool }) => pool) : []
}

function hasSameSettings(a: Config, b: Config): boolean {
  return OF_POOL.every((key) => isDeepStrictEqual(a[key], b[key]))
}

/** The settings of a pool, with the backends that it has: operators may have changed them, and the file has not. */
function continued(given: PoolConfig, old: Running | undefined): PoolConfig {
  if (!old || !isDeepStrictEqual(old.given.config.backends, given.config.backends)) return given
  const backends = old.instance.registry.backends.map(({ config }) => config)
  return { name: given.name, config: { ...given.config, backends } }
}
