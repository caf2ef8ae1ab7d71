import type { LatencyWindow } from '../../base/latency/latency-window.js'

/** Quantile of the latencies after which a request is hedged, and how often that is looked up. */
const PERCENT = 95
const UPDATE_MS = 1000

/** How long a request waits before it is hedged: the 95th percentile of the recent latencies. */
export class HedgeDelay {
  /** In milliseconds; 0 while too little is known. */
  ms = 0
  readonly #latency: LatencyWindow
  #updatedMs = 0

  constructor(latency: LatencyWindow) {
    this.#latency = latency
  }

  tick(nowMs: number): void {
    if (nowMs < this.#updatedMs + UPDATE_MS) return
    this.#updatedMs = nowMs
    this.ms = this.#latency.quantileMs(PERCENT)
  }
}
