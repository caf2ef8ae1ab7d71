import type { Backend } from '../../pool/backend.js'
import type { Registry } from '../../pool/registry.js'
import { backendView } from '../backend-view.js'
import type { RequestMetrics } from '../metrics/request-metrics.js'
import type { Statistics } from '../statistics.js'
import { BackendRates } from './backend-rates.js'
import { HealthHistory } from './health-history.js'
import { type Subscriber, Subscribers } from './subscribers.js'
import type { TimeSeries } from './time-series.js'

const MAX_SUBSCRIBERS = 32
/** After how long a disconnected client reconnects. */
const RETRY_MS = 1000

export interface BroadcastSource {
  readonly registry: Registry
  /** The list of backends, for its version. */
  readonly backendList: { readonly version: string }
  readonly requests: RequestMetrics
  readonly timeSeries: TimeSeries
  readonly statistics: () => Statistics
  /** Whether the API takes changes. */
  readonly isWritable: boolean
}

/**
 * What the page shows, as server-sent events: first a snapshot with the history, then the current state every second.
 * Without subscribers, only the history is kept.
 */
export class Broadcast {
  readonly #source: BroadcastSource
  readonly #subscribers = new Subscribers(MAX_SUBSCRIBERS)
  readonly #health: HealthHistory
  readonly #rates: BackendRates
  #changesSent = 0
  #hasEnded = false

  constructor(source: BroadcastSource) {
    this.#source = source
    this.#health = new HealthHistory(source.registry)
    this.#rates = new BackendRates(source.registry)
  }

  /** Whether it accepts another subscriber. */
  get isOpen(): boolean {
    return !this.#subscribers.isFull && !this.#hasEnded
  }

  subscribe(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber, `retry: ${RETRY_MS}\n\n${this.#snapshot()}`)
  }

  /** To be called once a second, when the time series has its sample. */
  tick(): void {
    this.#rates.sample()
    this.#subscribers.send(
      () => this.#tick(),
      () => this.#snapshot()
    )
    this.#changesSent = this.#health.count
  }

  /** Sends a last event: the balancer is closing. */
  end(): void {
    this.#hasEnded = true
    this.#subscribers.end(event('end', {}))
  }

  get #current() {
    const { statistics, backendList, isWritable } = this.#source
    return { at: Date.now(), ...statistics(), fleet: backendList.version, isWritable }
  }

  #viewOf(backend: Backend) {
    const { sum, counts } = this.#source.requests.durationsOf(backend.id)
    return {
      ...backendView(backend),
      latency: { count: counts.reduce((all, count) => all + count, 0), sumMs: Math.round(sum * 1e6) / 1000 }
    }
  }

  #tick(): string {
    const { registry, timeSeries } = this.#source
    const hasChanged = this.#health.count !== this.#changesSent
    return event('tick', {
      ...this.#current,
      sample: timeSeries.samples.at(-1) ?? null,
      backends: registry.backends.map((backend) => ({
        ...this.#viewOf(backend),
        ...(hasChanged ? { changes: this.#health.of(backend) } : {})
      }))
    })
  }

  #snapshot(): string {
    const { registry, timeSeries } = this.#source
    return event('all', {
      ...this.#current,
      samples: timeSeries.samples,
      backends: registry.backends.map((backend) => ({
        ...this.#viewOf(backend),
        changes: this.#health.of(backend),
        perSecond: this.#rates.of(backend)
      }))
    })
  }
}

/** JSON has no line breaks in it, so it is one line. */
const event = (name: string, data: object) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
