import type { Backend } from '../../pool/backend.js'
import type { Registry } from '../../pool/registry.js'
import { backendView } from '../backend-view.js'
import type { RequestMetrics } from '../metrics/request-metrics.js'
import type { Statistics } from '../statistics.js'
import { Audience, type Listener } from './audience.js'
import { BackendLoads } from './backend-loads.js'
import { HealthHistory } from './health-history.js'
import type { Timeline } from './timeline.js'

const LISTENERS = 32
/** How soon one comes again who was cut off, in milliseconds. */
const RETRY_MS = 1000

export interface BroadcastSource {
  readonly registry: Registry
  /** The backends as they were last set, by a version. */
  readonly fleet: { readonly version: string }
  readonly requests: RequestMetrics
  readonly timeline: Timeline
  readonly statistics: () => Statistics
  /** Whether the API takes changes. */
  readonly isWritable: boolean
}

/**
 * What the page shows, as server-sent events: at first everything with what led to it, then every second what it is
 * now. While nobody listens, only the history is kept.
 */
export class Broadcast {
  readonly #source: BroadcastSource
  readonly #audience = new Audience(LISTENERS)
  readonly #health: HealthHistory
  readonly #loads: BackendLoads
  #changesTold = 0
  #hasEnded = false

  constructor(source: BroadcastSource) {
    this.#source = source
    this.#health = new HealthHistory(source.registry)
    this.#loads = new BackendLoads(source.registry)
  }

  /** Whether it takes one more. */
  get isOpen(): boolean {
    return !this.#audience.isFull && !this.#hasEnded
  }

  join(listener: Listener): void {
    this.#audience.join(listener, `retry: ${RETRY_MS}\n\n${this.#whole()}`)
  }

  /** To be called once a second, when the timeline has its sample. */
  tick(): void {
    this.#loads.sample()
    this.#audience.tell(
      () => this.#tick(),
      () => this.#whole()
    )
    this.#changesTold = this.#health.count
  }

  /** Says that the balancer goes, and nothing after that. */
  end(): void {
    this.#hasEnded = true
    this.#audience.end(event('end', {}))
  }

  /** What is now. */
  get #now() {
    const { statistics, fleet, isWritable } = this.#source
    return { at: Date.now(), ...statistics(), fleet: fleet.version, isWritable }
  }

  #viewOf(backend: Backend) {
    const { sum, counts } = this.#source.requests.durationsOf(backend.id)
    return {
      ...backendView(backend),
      latency: { count: counts.reduce((all, count) => all + count, 0), sumMs: Math.round(sum * 1e6) / 1000 }
    }
  }

  #tick(): string {
    const { registry, timeline } = this.#source
    const hasChanged = this.#health.count !== this.#changesTold
    return event('tick', {
      ...this.#now,
      sample: timeline.samples.at(-1) ?? null,
      backends: registry.backends.map((backend) => ({
        ...this.#viewOf(backend),
        ...(hasChanged ? { changes: this.#health.of(backend) } : {})
      }))
    })
  }

  #whole(): string {
    const { registry, timeline } = this.#source
    return event('all', {
      ...this.#now,
      samples: timeline.samples,
      backends: registry.backends.map((backend) => ({
        ...this.#viewOf(backend),
        changes: this.#health.of(backend),
        perSecond: this.#loads.of(backend)
      }))
    })
  }
}

/** JSON has no line breaks in it, so it is one line. */
const event = (name: string, data: object) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
