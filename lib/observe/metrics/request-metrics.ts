import type { Backend } from '../../pool/backend.js'
import type { Registry } from '../../pool/registry.js'
import type { RequestMeasures } from '../../pool/request-measures.js'

/** Counts the requests of a pool, or of a server, as they end. */
export class RequestMetrics {
  readonly #registry: Registry
  /** Server errors of backends that were removed, and of pools. */
  #errorsOfRemoved = 0

  /** @param predecessor the same pool before its settings changed */
  constructor(registry: Registry, predecessor?: RequestMetrics) {
    this.#registry = registry
    if (predecessor) this.#errorsOfRemoved = predecessor.#errorsOfRemoved
    registry.on('removed', ({ measures }) => {
      this.#errorsOfRemoved += measures.serverErrors
    })
  }

  /** Of the requests that no backend answered, and the durations of all: from their heads to the ends of their responses. */
  get measures(): RequestMeasures {
    return this.#registry.block.measures
  }

  /**
   * To be called when a request has ended.
   * @param statusCode of its answer, or 0 if the client left before there was one
   * @param backend that answered it
   * @param durationMs from its head to the end of its answer, in milliseconds
   */
  count(method: string, statusCode: number, backend: Backend | undefined, durationMs: number): void {
    const { measures } = backend ?? this
    measures.count(method, statusCode)
    if (backend?.isRemoved && statusCode >= 500) this.#errorsOfRemoved++
    this.measures.durations.observe(durationMs / 1000)
  }

  /** Number of requests so far that ended with a status of 500 or above, whoever answered. */
  get serverErrors(): number {
    let errors = this.#errorsOfRemoved + this.measures.serverErrors
    for (const { measures } of this.#registry.backends) errors += measures.serverErrors
    return errors
  }

  /** To be called when a pool was removed, with its requests. */
  absorb({ serverErrors }: RequestMetrics): void {
    this.#errorsOfRemoved += serverErrors
  }
}
