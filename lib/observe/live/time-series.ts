/** How far back charts go. */
const KEPT_SECONDS = 300

/** What happened in about one second. */
export interface Sample {
  /** When it ended, in milliseconds since 1970. */
  readonly at: number
  /** Per second: requests, including rejected ones, and those that ended with a status of 500 or above. */
  readonly requests: number
  readonly errors: number
  /** Latencies in milliseconds; null if no request ended in it. */
  readonly p50: number | null
  readonly p99: number | null
}

/** Totals since the start, and latencies since the sample before. */
export interface Totals {
  readonly requests: number
  readonly errors: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

interface Clock {
  /** Milliseconds on a monotonic clock. */
  readonly monotonic: () => number
  /** Milliseconds since 1970. */
  readonly wall: () => number
}

/** Requests, errors and latencies in each second of the last five minutes. */
export class TimeSeries {
  readonly #clock: Clock
  #samples: Sample[] = []
  #before: (Totals & { readonly ms: number }) | undefined

  constructor(clock: Clock = { monotonic: () => performance.now(), wall: Date.now }) {
    this.#clock = clock
  }

  /** The oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples
  }

  /** To be called once a second; if it is called late, rates are over the time that has passed. */
  add(totals: Totals): void {
    const ms = this.#clock.monotonic()
    const before = this.#before
    this.#before = { ...totals, ms }
    if (!before || ms <= before.ms) return
    const perSecond = (now: number, then: number) => round(((now - then) * 1000) / (ms - before.ms))
    this.#samples.push({
      at: this.#clock.wall(),
      requests: perSecond(totals.requests, before.requests),
      errors: perSecond(totals.errors, before.errors),
      p50: totals.p50Ms === null ? null : round(totals.p50Ms),
      p99: totals.p99Ms === null ? null : round(totals.p99Ms)
    })
    if (this.#samples.length > KEPT_SECONDS) this.#samples.shift()
  }
}

/** A chart shows no more digits. */
const round = (value: number) => Math.round(value * 1000) / 1000
