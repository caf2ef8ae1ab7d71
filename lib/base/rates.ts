/** Samples that are kept. */
const KEPT_SECONDS = 60

/** Averages per second. */
export interface Rates {
  readonly last1s: number
  readonly last10s: number
  readonly last60s: number
}

/** Rates of a counter over the last 1, 10 and 60 seconds, from one sample a second. */
export class RateWindow {
  readonly #samples: number[] = []

  /** Records the counter's value. To be called once a second. */
  sample(total: number): void {
    this.#samples.push(total)
    if (this.#samples.length > KEPT_SECONDS + 1) this.#samples.shift()
  }

  /** The rates as of the latest sample; 0 before the second one. */
  rates(): Rates {
    return { last1s: this.#perSecond(1), last10s: this.#perSecond(10), last60s: this.#perSecond(60) }
  }

  #perSecond(seconds: number): number {
    const last = this.#samples.length - 1
    const span = Math.min(seconds, last)
    if (span < 1) return 0
    return (this.#samples[last]! - this.#samples[last - span]!) / span
  }
}
