import * as v from 'valibot'
import type { Override } from '../discovery/member.js'
import { MAX_ORDERS } from './scripts.js'
import { MAX_TEXT, type Store } from './store.js'

/** A pool whose orders are shared. */
export interface OrderedPool {
  readonly name: string
  /** What operators have said of its backends, by address. */
  readonly overrides: ReadonlyMap<string, Override>
  /** Does as another balancer was told. */
  order(address: string, override: Override): void
}

const override = v.object({
  weight: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(256))),
  max: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000))),
  backup: v.optional(v.boolean()),
  isDraining: v.optional(v.boolean()),
  health: v.optional(v.picklist(['healthy', 'unhealthy']))
})

const keyOf = (pool: string, address: string) => `${pool} ${address}`

/**
 * The orders of operators, which hold at all balancers: by pool and address, the latest one counts. Each balancer tells the
 * store of those that it is given, and follows those of the others.
 */
export class FleetOrders {
  readonly #store: Store
  readonly #pools: () => readonly OrderedPool[]
  /** As the store has them. */
  #known: ReadonlyMap<string, Override> = new Map()
  #version = -1
  /** Given here, and not in the store yet. */
  readonly #unsent = new Map<string, Override>()
  #isBusy = false
  readonly #onRefused: (reason: string) => void
  /** Why the store refused them last; undefined if it did not. */
  #refusal: string | undefined

  /** @param onRefused told why the store, which answers, refuses them: once for each reason */
  constructor(
    store: Store,
    pools: () => readonly OrderedPool[],
    onRefused: (reason: string) => void = () => {}
  ) {
    this.#store = store
    this.#pools = pools
    this.#onRefused = onRefused
  }

  /** An order was given here. What is undefined in it ends. */
  give(pool: string, address: string, order: Override): void {
    const key = keyOf(pool, address)
    const before = this.#unsent.get(key) ?? this.#known.get(key)
    this.#unsent.set(key, withoutNone({ ...before, ...order }))
    void this.exchange()
  }

  /**
   * Tells the store what it does not know, and follows what it knows.
   * @param version of what it has, if that is known
   */
  async exchange(version?: number): Promise<void> {
    if (this.#isBusy || (version === this.#version && this.#unsent.size === 0)) return
    this.#isBusy = true
    try {
      if (version === 0 && this.#version !== 0) this.#tellAll()
      for (const [key, order] of [...this.#unsent]) {
        const text = Object.keys(order).length === 0 ? '' : JSON.stringify(order)
        await this.#store.setOrder(key, text)
        if (this.#unsent.get(key) === order) this.#unsent.delete(key)
      }
      const { version: latest, orders } = await this.#store.orders()
      this.#follow(orders)
      this.#version = latest
      this.#refusal = undefined
    } catch (error) {
      // That it does not answer the store says itself. The next heartbeat tries again.
      this.#noteRefusal(error as Error)
    } finally {
      this.#isBusy = false
    }
  }

  #noteRefusal({ name, message }: Error): void {
    const reason = message.slice(0, MAX_TEXT)
    if (name !== 'ReplyError' || reason === this.#refusal) return
    this.#refusal = reason
    this.#onRefused(reason)
  }

  /** A store that knows nothing is told what is known here. */
  #tellAll(): void {
    for (const { name, overrides } of this.#pools())
      for (const [address, order] of overrides) {
        const key = keyOf(name, address)
        if (!this.#unsent.has(key)) this.#unsent.set(key, withoutNone(order))
      }
  }

  #follow(texts: ReadonlyMap<string, string>): void {
    const next = new Map<string, Override>()
    for (const [key, text] of [...texts].slice(0, MAX_ORDERS)) {
      const order = readOrder(text)
      if (order) next.set(key, order)
    }
    const keys = new Set([...this.#known.keys(), ...next.keys()])
    this.#known = next
    const pools = new Map(this.#pools().map((pool) => [pool.name, pool]))
    for (const key of keys) {
      if (this.#unsent.has(key)) continue
      const [name = '', address = ''] = key.split(/ (.*)/s)
      pools.get(name)?.order(address, next.get(key) ?? {})
    }
  }
}

/** An order as the store has it; undefined for what is none. */
function readOrder(text: string): Override | undefined {
  try {
    const result = v.safeParse(override, JSON.parse(text))
    return result.success ? withoutNone(result.output as Override) : undefined
  } catch {
    return undefined
  }
}

/** Without what ends. */
function withoutNone(order: Override): Override {
  const isNone = ([name, value]: [string, unknown]) =>
    value === undefined || (name === 'isDraining' && value === false)
  return Object.fromEntries(Object.entries(order).filter((entry) => !isNone(entry)))
}
