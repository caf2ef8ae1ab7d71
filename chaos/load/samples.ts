/** What became of a request. All but `ok` are failures. */
export const outcomes = [
  'ok',
  'balancer 5xx',
  'backend 5xx',
  'other status',
  'cut',
  'refused',
  'timed out',
  'wrong answer'
] as const

/** The index of an outcome in `outcomes`. */
export type Outcome = (typeof outcomes)[number]

/** The requests of one run as columns, in the order in which they ended. */
export interface Samples {
  /** By the clock of `nowMs`; in an open loop the time that it was due. */
  startMs: Float64Array
  latencyMs: Float64Array
  /** Index into `outcomes`. */
  outcome: Uint8Array
  /** Which backend answered, or -1. */
  backend: Int8Array
}

const firstCapacity = 16_384

/** Records the outcomes of requests. */
export interface Recorder {
  /** @param backend which answered, or -1 */
  add(startMs: number, latencyMs: number, outcome: Outcome, backend: number): void
}

/** How often each outcome occurred: all that is kept of a run of unlimited length. */
export type Tally = Partial<Record<Outcome, number>>

/** Counts outcomes. */
export class TallyRecorder implements Recorder {
  readonly tally: Tally = {}

  add(_startMs: number, _latencyMs: number, outcome: Outcome): void {
    this.tally[outcome] = (this.tally[outcome] ?? 0) + 1
  }
}

/** Gathers samples without an object for each. */
export class SampleRecorder implements Recorder {
  #count = 0
  #startMs = new Float64Array(firstCapacity)
  #latencyMs = new Float64Array(firstCapacity)
  #outcome = new Uint8Array(firstCapacity)
  #backend = new Int8Array(firstCapacity)

  add(startMs: number, latencyMs: number, outcome: Outcome, backend: number): void {
    if (this.#count === this.#startMs.length) this.#grow()
    this.#startMs[this.#count] = startMs
    this.#latencyMs[this.#count] = latencyMs
    this.#outcome[this.#count] = outcomes.indexOf(outcome)
    this.#backend[this.#count] = backend
    this.#count++
  }

  /** Copies of the columns, of their true length. */
  samples(): Samples {
    return {
      startMs: this.#startMs.slice(0, this.#count),
      latencyMs: this.#latencyMs.slice(0, this.#count),
      outcome: this.#outcome.slice(0, this.#count),
      backend: this.#backend.slice(0, this.#count)
    }
  }

  #grow(): void {
    const capacity = 2 * this.#startMs.length
    const grown = <Column extends Float64Array | Uint8Array | Int8Array>(
      from: Column,
      to: Column
    ): Column => {
      to.set(from)
      return to
    }
    this.#startMs = grown(this.#startMs, new Float64Array(capacity))
    this.#latencyMs = grown(this.#latencyMs, new Float64Array(capacity))
    this.#outcome = grown(this.#outcome, new Uint8Array(capacity))
    this.#backend = grown(this.#backend, new Int8Array(capacity))
  }
}
