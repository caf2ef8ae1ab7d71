import type { FastifyInstance } from 'fastify'
import type { SharedCells } from '../lib/base/cells/shared-cells.js'
import { type Config, OF_POOL, type PoolConfig, type RoutingConfig } from '../lib/config/config.js'
import { addTotals } from '../lib/pool/cells.js'
import { followBackends } from '../lib/pool/follow-backends.js'
import type { Forwarder } from '../lib/proxy/forwarder.js'
import { poolsOf } from '../lib/routing/pools-of.js'
import { createRoutedPool } from './routed-pool.js'
import { configureChanged, continued, hasSameSettings, type Running, untilEligible } from './running-pool.js'

/** How long routes wait for the backends of new pools to pass a check. */
const READY_MS = 5000

/** What a change of the configuration has done to the pools, by name. */
export interface PoolChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Those whose settings are others now, or whose backends are. */
  readonly changed: readonly string[]
  /** How long routes waited for the backends of new pools. */
  readonly waitedMs: number
}

/** The pools of a server, as the file has them, and as it changes. */
export class RoutedPools {
  readonly #server: FastifyInstance
  readonly #config: Config
  #running: ReadonlyMap<string, Running> = new Map()
  /** Those that do not serve yet, or end the requests that they have. */
  readonly #others = new Set<FastifyInstance>()
  readonly #closing = new AbortController()
  #created = 0

  /** @param config the server's; what pools share, stays as it is here */
  constructor(server: FastifyInstance, config: Config) {
    this.#server = server
    this.#config = config
  }

  forwarderOf = (pool: string): Forwarder => this.#running.get(pool)!.instance.poolForwarder

  /** Creates the pools at the start. */
  async create(pools: readonly PoolConfig[]): Promise<void> {
    const running = new Map<string, Running>()
    for (const { name, config } of pools) {
      // A thread that starts after a reload gets pools of another configuration than the server's.
      const given = { name, config: this.#merged(config) }
      running.set(name, { given, instance: await createRoutedPool(this.#server, given, this.#cellsOf(name)) })
    }
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
    const given = pools.map(({ name, config }) => ({ name, config: this.#merged(config) }))
    const added = given.filter(({ name }) => !this.#current(name))
    const created = new Map<string, FastifyInstance>()
    const next = new Map<string, Running>()
    let waitedMs = 0
    try {
      for (const pool of added) created.set(pool.name, await this.#prepare(pool))
      const named = new Set(routes.flatMap(({ action }) => poolsOf(action)))
      const startMs = performance.now()
      await this.#awaitBackends(created, named)
      waitedMs = performance.now() - startMs
      // After the wait, in which backends and orders of the others may have changed.
      for (const pool of given) {
        const old = this.#current(pool.name)
        const isSame = old && hasSameSettings(old.given.config, pool.config)
        if (old && !isSame) created.set(pool.name, await this.#prepare(pool, old))
        next.set(pool.name, { given: pool, instance: created.get(pool.name) ?? old!.instance })
      }
      this.#server.router!.replace(routes, (name) => next.get(name)!.instance.poolForwarder)
    } catch (error) {
      await Promise.all([...created.values()].map((instance) => instance.close()))
      throw error
    } finally {
      for (const instance of created.values()) this.#others.delete(instance)
    }
    this.#use(next)
    const changed = configureChanged(before, next)
    this.#follow(next)
    const removed = this.#retireOthers(before, next)
    return { added: added.map(({ name }) => name), removed, changed, waitedMs: Math.round(waitedMs) }
  }

  /** The pools that serve now. */
  get running(): readonly Running[] {
    return [...this.#running.values()]
  }

  startDraining(): void {
    for (const { registry } of [...this.#instances, ...this.#others]) registry.startDraining()
  }

  async close(): Promise<void> {
    this.#closing.abort()
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
    const own = Object.fromEntries(
      [...OF_POOL, 'backends' as const, 'sources' as const].map((key) => [key, config[key]])
    )
    return { ...this.#config, ...own, routing: undefined }
  }

  /** Creates a pool that does not serve yet. */
  async #prepare(given: PoolConfig, old?: Running): Promise<FastifyInstance> {
    if (this.#closing.signal.aborted) throw new Error('the server is closed')
    const instance = old
      ? await createRoutedPool(this.#server, continued(given, old), old.instance.cells, old.instance)
      : await createRoutedPool(this.#server, given, this.#cellsOf(given.name))
    this.#others.add(instance)
    return instance
  }

  /** A pool may come back under the name of one that still ends its requests. */
  #cellsOf(pool: string): SharedCells {
    const { cells, followed } = this.#server
    return cells.within(followed?.poolNamed(pool).cells ?? `pool-${this.#created++}`)
  }

  /** The pool of a name as it was, unless in the thread that decides another has that name now. */
  #current(name: string): Running | undefined {
    const running = this.#running.get(name)
    const { followed } = this.#server
    const isOther = followed && running?.instance.cells.name !== followed.poolNamed(name).cells
    return isOther ? undefined : running
  }

  /** Starts new pools, and waits for those that are named until each has a backend that passed its check. */
  async #awaitBackends(
    created: ReadonlyMap<string, FastifyInstance>,
    named: ReadonlySet<string>
  ): Promise<void> {
    for (const instance of created.values()) void instance.ready()
    // The thread that decides has waited.
    if (this.#server.followed) return
    const timeout = AbortSignal.timeout(READY_MS)
    const signal = AbortSignal.any([timeout, this.#closing.signal])
    const awaited = [...created].filter(([name]) => named.has(name))
    await Promise.all(awaited.map(([, { registry }]) => untilEligible(registry, signal)))
  }

  /** Gives the pools the backends that the thread that decides has, if this is another. */
  #follow(running: ReadonlyMap<string, Running>): void {
    const { followed } = this.#server
    for (const [name, { instance }] of followed ? running : [])
      followBackends(instance.registry, followed!.poolNamed(name).backends)
  }

  /** @returns the names of the pools that are gone */
  #retireOthers(before: ReadonlyMap<string, Running>, next: ReadonlyMap<string, Running>): string[] {
    for (const [name, { instance }] of before) {
      const successor = next.get(name)?.instance
      const isSame = successor?.cells.name === instance.cells.name
      if (successor !== instance) this.#retire(instance, isSame ? successor : undefined)
    }
    return [...before.keys()].filter((name) => !next.has(name))
  }

  /** Adds what a pool that is gone has counted to what the server has. */
  #absorb({ registry, pool, cells }: FastifyInstance): void {
    addTotals(this.#server.registry.counters, registry.counters)
    this.#server.requestMetrics.absorb(pool.requests)
    cells.forget()
  }

  /** Closes a pool when its last request is over. */
  #retire(instance: FastifyInstance, successor: FastifyInstance | undefined): void {
    const { registry, poolForwarder, pool } = instance
    this.#others.add(instance)
    registry.retire(successor?.registry)
    const closeIfIdle = () => {
      // Its counts are those of all threads.
      if (!poolForwarder.isIdle || (!successor && registry.inFlight > 0)) return
      registry.off('tick', closeIfIdle)
      this.#others.delete(instance)
      if (!successor) {
        this.#server.poolSet.forget(pool)
        if (!this.#server.followed) this.#absorb(instance)
      }
      void instance.close()
    }
    registry.on('tick', closeIfIdle)
  }
}
