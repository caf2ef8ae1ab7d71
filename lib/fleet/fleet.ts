import { FleetOrders, type OrderedPool } from './fleet-orders.js'
import { FleetRateLimits } from './fleet-rate-limits.js'
import { Membership } from './membership.js'
import type { FleetOptions } from './options.js'
import { Store, type StoreStatus } from './store.js'

interface FleetLog {
  info(data: object, message: string): void
  error(data: object, message: string): void
}

/** The balancers that share a store, as one of them sees it. */
export class Fleet {
  readonly rateLimits: FleetRateLimits
  /** Of the store. */
  readonly url: string
  readonly #log: FleetLog
  readonly #store: Store
  readonly #membership: Membership
  #orders: FleetOrders | undefined

  constructor(options: FleetOptions, log: FleetLog) {
    const { url } = options
    this.url = url
    this.#log = log
    this.#store = new Store(options)
    this.#membership = new Membership(this.#store, ({ version }) => void this.#orders?.exchange(version))
    this.rateLimits = new FleetRateLimits(this.#store, this.#membership)
    this.#store.on('change', ({ isConnected, fault }) => {
      if (isConnected) log.info({ store: url }, `${url} answers: rate limits are shared`)
      else
        log.error(
          { store: url, fault },
          `${url} does not answer (${fault}): of each rate limit this balancer keeps the share that it had`
        )
    })
  }

  /** From now on orders of operators hold at all balancers. @returns what is to be told of each that is given here */
  shareOrders(pools: () => readonly OrderedPool[]): FleetOrders {
    this.#orders = new FleetOrders(this.#store, pools, (reason) =>
      this.#log.error(
        { store: this.url, reason },
        `${this.url} refuses orders, which hold at this balancer alone: ${reason}`
      )
    )
    return this.#orders
  }

  get status(): StoreStatus {
    return this.#store.status
  }

  /** How many balancers there are, each thread of one counted, as it was last known. */
  get members(): number {
    return this.#membership.count
  }

  /** Resolves when it is known how many there are, or that the store does not say. */
  async start(): Promise<void> {
    await this.#store.connect()
    await this.#membership.start()
    const { isConnected, fault } = this.#store.status
    if (!isConnected) this.#log.error({ store: this.url, fault }, `${this.url} does not answer yet`)
  }

  async close(): Promise<void> {
    this.rateLimits.close()
    await this.#membership.close()
    this.#store.close()
  }
}
