import type { Backend } from '../../pool/backend.js'
import { backendView } from '../backend-view.js'
import type { ShownPool } from '../shown-pool.js'
import type { Statistics } from '../statistics.js'
import { BackendRates } from './backend-rates.js'
import { HealthHistory } from './health-history.js'
import { type Subscriber, Subscribers } from './subscribers.js'
import type { TimeSeries } from './time-series.js'

const MAX_SUBSCRIBERS = 32
/** After how long a disconnected client reconnects. */
const RETRY_MS = 1000

export interface BroadcastSource {
  /** The same array while the pools are the same. */
  readonly pools: () => readonly ShownPool[]
  readonly timeSeries: TimeSeries
  readonly statistics: () => Statistics
  /** Whether the API takes changes. */
  readonly isWritable: boolean
}

/** A pool, with what is kept of it for charts. */
interface Feed {
  readonly pool: ShownPool
  readonly health: HealthHistory
  readonly rates: BackendRates
  /** Changes of health that the subscribers have been told. */
  changesSent: number
}

/**
 * What the page shows, as server-sent events: first a snapshot with the history, then the current state every second.
 * Without subscribers, only the history is kept.
 */
export class Broadcast {
  readonly #source: BroadcastSource
  readonly #subscribers = new Subscribers(MAX_SUBSCRIBERS)
  #pools: readonly ShownPool[] = []
  #feeds: readonly Feed[] = []
  #hasEnded = false

  constructor(source: BroadcastSource) {
    this.#source = source
    this.#follow()
  }

  /** Whether it accepts another subscriber. */
  get isOpen(): boolean {
    return !this.#subscribers.isFull && !this.#hasEnded
  }

  subscribe(subscriber: Subscriber): void {
    this.#follow()
    this.#subscribers.add(subscriber, `retry: ${RETRY_MS}\n\n${this.#snapshot()}`)
  }

  /** To be called once a second, when the time series has its sample. */
  tick(): void {
    this.#follow()
    for (const { rates } of this.#feeds) rates.sample()
    this.#subscribers.send(
      () => this.#tick(),
      () => this.#snapshot()
    )
    for (const feed of this.#feeds) feed.changesSent = feed.health.count
  }

  /** Sends a last event: the balancer is closing. */
  end(): void {
    this.#hasEnded = true
    this.#subscribers.end(event('end', {}))
  }

  /** Begins to keep the history of pools that are new, and forgets those that have left. */
  #follow(): void {
    const pools = this.#source.pools()
    if (pools === this.#pools) return
    const known = new Map(this.#feeds.map((feed) => [feed.pool, feed]))
    this.#pools = pools
    this.#feeds = pools.map(
      (pool) =>
        known.get(pool) ?? {
          pool,
          health: new HealthHistory(pool.registry),
          rates: new BackendRates(pool.registry),
          changesSent: 0
        }
    )
  }

  get #current() {
    const { statistics, isWritable } = this.#source
    const fleets = Object.fromEntries(this.#feeds.map(({ pool }) => [pool.name, pool.backendList.version]))
    return { at: Date.now(), ...statistics(), fleets, isWritable }
  }

  #viewsOf({ pool }: Feed, more: (backend: Backend) => object) {
    return pool.registry.backends.map((backend) => {
      const { sum, counts } = pool.requests.durationsOf(backend.id)
      const count = counts.reduce((all, some) => all + some, 0)
      return {
        ...backendView(backend, pool.name),
        latency: { count, sumMs: Math.round(sum * 1e6) / 1000 },
        ...more(backend)
      }
    })
  }

  #tick(): string {
    return event('tick', {
      ...this.#current,
      sample: this.#source.timeSeries.samples.at(-1) ?? null,
      backends: this.#feeds.flatMap((feed) => {
        const hasChanged = feed.health.count !== feed.changesSent
        return this.#viewsOf(feed, (backend) => (hasChanged ? { changes: feed.health.of(backend) } : {}))
      })
    })
  }

  #snapshot(): string {
    return event('all', {
      ...this.#current,
      samples: this.#source.timeSeries.samples,
      backends: this.#feeds.flatMap((feed) =>
        this.#viewsOf(feed, (backend) => ({
          changes: feed.health.of(backend),
          perSecond: feed.rates.of(backend)
        }))
      )
    })
  }
}

/** JSON has no line breaks in it, so it is one line. */
const event = (name: string, data: object) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
