import type { Latencies, LoadReport } from '../load-report'
import { nowMs } from './clock'

/** The latencies and failures of one run. */
export class Tally {
  readonly failures: LoadReport['failures'] = { connect: 0, read: 0, write: 0, timeout: 0, status: 0 }
  readonly #latenciesMs: number[] = []
  readonly #startMs: number
  requests = 0

  constructor(startMs = nowMs()) {
    this.#startMs = startMs
  }

  /** Counts an answer; only good ones have a latency, since refusing is quick. */
  answered(status: number, latencyMs: number): void {
    if (status >= 400) this.failures.status++
    else {
      this.requests++
      this.#latenciesMs.push(latencyMs)
    }
  }

  /** Counts what was never answered, with the time that it has waited. */
  unanswered(waitedMs: number): void {
    this.failures.timeout++
    this.#latenciesMs.push(waitedMs)
  }

  report(): LoadReport {
    const { p50, p99, max } = latenciesOf(this.#latenciesMs)
    return {
      requests: this.requests,
      bytes: 0,
      durationMicroseconds: Math.round((nowMs() - this.#startMs) * 1000),
      p50Microseconds: p50 * 1000,
      p99Microseconds: p99 * 1000,
      maxMicroseconds: max * 1000,
      failures: this.failures
    }
  }
}

/** The figures of some latencies; all 0 of none. */
export function latenciesOf(valuesMs: readonly number[]): Latencies {
  const sorted = Float64Array.from(valuesMs).sort()
  const at = (part: number) => sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}
