import { setTimeout as delay } from 'node:timers/promises'
import { Client } from './client.js'

// A server that refuses everything would otherwise be asked without a pause.
const PAUSE_AFTER_ERROR_MS = 10

/** What became of one request. */
export interface Outcome {
  readonly startMs: number
  readonly latencyMs: number
  /** 0 if there was no whole answer. */
  readonly status: number
  /** Port of the backend that answered. */
  readonly backend: number | undefined
  readonly retryAfter: string | undefined
  readonly error: string | undefined
}

export interface LoadOptions {
  /** Connections, each with one request at a time. */
  readonly connections: number
  /** Stops after so many; without it, load goes on until `stop()`. */
  readonly requests?: number
  readonly path?: string
}

/** Closed-loop load: every connection sends its next request when it has the answer to the last one. */
export class Load {
  readonly #client: Client
  readonly #options: LoadOptions
  readonly #outcomes: Outcome[] = []
  readonly #startMs = performance.now()
  readonly #done: Promise<unknown>
  #begun = 0
  #stopped = false

  constructor(port: number, options: LoadOptions) {
    this.#client = new Client(port)
    this.#options = options
    this.#done = Promise.all(Array.from({ length: options.connections }, () => this.#loop()))
  }

  /** Lets the requests in flight end and reports on all. */
  async stop(): Promise<LoadReport> {
    this.#stopped = true
    return this.finished()
  }

  /** Reports when all requests are done. */
  async finished(): Promise<LoadReport> {
    await this.#done
    const durationMs = performance.now() - this.#startMs
    this.#client.close()
    return new LoadReport(this.#outcomes, durationMs)
  }

  async #loop(): Promise<void> {
    const { requests = Number.POSITIVE_INFINITY } = this.#options
    while (!this.#stopped && this.#begun < requests) {
      this.#begun++
      const outcome = await this.#one()
      this.#outcomes.push(outcome)
      if (outcome.status === 0) await delay(PAUSE_AFTER_ERROR_MS)
    }
  }

  async #one(): Promise<Outcome> {
    const startMs = performance.now()
    try {
      const { status, headers } = await this.#client.send(this.#options.path ?? '/')
      const backend = headers['x-backend'] === undefined ? undefined : Number(headers['x-backend'])
      const retryAfter = headers['retry-after']
      return {
        startMs,
        latencyMs: performance.now() - startMs,
        status,
        backend,
        retryAfter,
        error: undefined
      }
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      const latencyMs = performance.now() - startMs
      return {
        startMs,
        latencyMs,
        status: 0,
        backend: undefined,
        retryAfter: undefined,
        error: code ?? message
      }
    }
  }
}

/** What became of the requests of a load. */
export class LoadReport {
  readonly #latenciesMs: number[]

  constructor(
    readonly outcomes: readonly Outcome[],
    readonly durationMs: number
  ) {
    this.#latenciesMs = outcomes.map((outcome) => outcome.latencyMs).sort((a, b) => a - b)
  }

  get count(): number {
    return this.outcomes.length
  }

  get perSecond(): number {
    return (this.count * 1000) / this.durationMs
  }

  /** Those not answered 200. */
  get failures(): Outcome[] {
    return this.outcomes.filter(({ status }) => status !== 200)
  }

  withStatus(status: number): Outcome[] {
    return this.outcomes.filter((outcome) => outcome.status === status)
  }

  /** How many a backend answered. */
  answeredBy(port: number): number {
    return this.outcomes.filter(({ backend }) => backend === port).length
  }

  /** Latency that a share of the requests did not exceed. */
  quantileMs(share: number): number {
    const index = Math.ceil(share * this.#latenciesMs.length) - 1
    return this.#latenciesMs[Math.max(0, index)] ?? 0
  }
}

/** Failures in a few words: how many of which kind. */
export function describeFailures(failures: readonly Outcome[]): string {
  const kinds = new Map<string, number>()
  for (const { status, error } of failures) {
    const kind = error ?? `status ${status}`
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  return [...kinds].map(([kind, count]) => `${count} × ${kind}`).join(', ') || 'none'
}
