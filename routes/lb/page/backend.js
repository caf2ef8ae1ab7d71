// The model of one backend: what the events say, and rates derived from it.

const KEPT_SECONDS = 60
/** Over how many seconds each rate is taken. */
const RATE_SPAN = 5
const LATENCY_SPAN = 10
const ERROR_SPAN = 60

/** Totals at one moment. */
function readingOf(view, at) {
  return {
    at,
    total: view.total,
    errors: view.failed + view.responses['5xx'],
    answered: view.latency.count,
    answeredMs: view.latency.sumMs,
    received: view.bytes.received,
    sent: view.bytes.sent
  }
}

export class Backend {
  /** Requests in each of the last seconds. */
  perSecond
  #readings = []

  constructor(view, at) {
    this.perSecond = [...(view.perSecond ?? [])]
    this.#take(view, at)
  }

  /** Updates it with the state a second later. */
  advance(view, at) {
    const before = this.#readings.at(-1)
    const seconds = (at - before.at) / 1000
    this.perSecond.push(seconds > 0 ? (view.total - before.total) / seconds : 0)
    if (this.perSecond.length > KEPT_SECONDS) this.perSecond.shift()
    this.#take(view, at)
  }

  #take(view, at) {
    this.view = view
    this.#readings.push(readingOf(view, at))
    if (this.#readings.length > KEPT_SECONDS + 1) this.#readings.shift()
  }

  get id() {
    return this.view.id
  }

  /** Tells it from the backends of all pools. */
  get key() {
    return `${this.view.pool}/${this.view.id}`
  }

  /** The latest changes of its state, the oldest first. */
  get changes() {
    return this.view.changes
  }

  get address() {
    return this.view.address
  }

  get state() {
    return this.view.state
  }

  /** Requests a second. */
  get rate() {
    const latest = this.perSecond.slice(-RATE_SPAN)
    return latest.length === 0 ? null : latest.reduce((all, one) => all + one, 0) / latest.length
  }

  /** The share of requests that failed, or were answered with a status of 500 or above. */
  get errorShare() {
    const { total, errors } = this.#change(ERROR_SPAN)
    // A request that fails may have begun before the interval.
    return total === 0 ? (errors > 0 ? 1 : null) : Math.min(1, errors / total)
  }

  /** The mean time to the head of a response, in milliseconds. */
  get latencyMs() {
    const { answered, answeredMs } = this.#change(LATENCY_SPAN)
    return answered === 0 ? null : answeredMs / answered
  }

  /** Bytes a second. */
  get receivedRate() {
    const { received, seconds } = this.#change(LATENCY_SPAN)
    return seconds === 0 ? null : received / seconds
  }

  get sentRate() {
    const { sent, seconds } = this.#change(LATENCY_SPAN)
    return seconds === 0 ? null : sent / seconds
  }

  /** When its status last changed, in milliseconds since 1970. */
  get since() {
    return this.changes.at(-1).at
  }

  /** The reason of its status; of a backend that is held back, the latest reason. */
  get reason() {
    return this.state === 'unhealthy' ? this.view.reason : this.changes.at(-1).reason
  }

  /** The growth of the totals in the last so many seconds, or since the page was opened. */
  #change(seconds) {
    const now = this.#readings.at(-1)
    const then = this.#readings.at(-1 - seconds) ?? this.#readings[0]
    return {
      seconds: (now.at - then.at) / 1000,
      total: now.total - then.total,
      errors: now.errors - then.errors,
      answered: now.answered - then.answered,
      answeredMs: now.answeredMs - then.answeredMs,
      received: now.received - then.received,
      sent: now.sent - then.sent
    }
  }
}
