import { type LiveSource, LiveState } from './live-state.js'
import { type Subscriber, Subscribers } from './subscribers.js'

const MAX_SUBSCRIBERS = 32
/** After how long a disconnected client reconnects. */
const RETRY_MS = 1000

/**
 * What the page shows, as server-sent events: first a snapshot with the history, then every second what has changed.
 * Without subscribers, only the history is kept.
 */
export class Broadcast {
  readonly #state: LiveState
  readonly #subscribers = new Subscribers(MAX_SUBSCRIBERS)
  #hasEnded = false

  constructor(source: LiveSource) {
    this.#state = new LiveState(source)
  }

  /** Whether it accepts another subscriber. */
  get isOpen(): boolean {
    return !this.#subscribers.isFull && !this.#hasEnded
  }

  subscribe(subscriber: Subscriber): void {
    // The next event is about what has changed since the one before: who joins others starts from there too.
    if (this.#subscribers.size === 0) this.#state.advance()
    this.#subscribers.add(subscriber, `retry: ${RETRY_MS}\n\n${this.#snapshot()}`)
  }

  /** To be called once a second, when the time series has its sample. */
  tick(): void {
    this.#state.sample()
    if (this.#subscribers.size === 0) return
    const changes = this.#state.advance()
    this.#subscribers.send(
      () => event('tick', changes),
      () => this.#snapshot()
    )
  }

  /** Sends a last event: the balancer is closing. */
  end(): void {
    this.#hasEnded = true
    this.#subscribers.end(event('end', {}))
  }

  #snapshot(): string {
    return event('all', this.#state.whole())
  }
}

/** JSON has no line breaks in it, so it is one line. */
const event = (name: string, data: object) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
