import { Totals } from '../../base/cells/totals.js'
import { STATUS_CLASSES, statusClass } from '../../base/http/status-class.js'
import { NO_BACKEND_ID } from '../../pool/backend-id.js'
import { DURATION_BOUNDS, Histogram } from './histogram.js'

/** Methods with a label of their own: each further name that a client sends would be another series. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const METHOD_LABELS = [...METHODS, 'other'] as const
const METHOD_INDEX = new Map<string, number>(METHODS.map((method, index) => [method, index]))
const PER_BACKEND = METHOD_LABELS.length * STATUS_CLASSES.length

/** Number of requests that ended with one method and class of status. */
export interface RequestCount {
  readonly method: string
  readonly code: string
  readonly count: number
}

/**
 * Counts each request as it ends. That is cheap: labels are only made on a scrape.
 */
export class RequestMetrics {
  /** From the head of the request to the end of the response. */
  readonly duration = new Histogram(DURATION_BOUNDS)
  /** By the id of a backend, with `NO_BACKEND_ID` first. */
  readonly #counts: (Totals | undefined)[] = []
  readonly #durations: (Histogram | undefined)[] = []
  /** Server errors of backends that were removed. */
  #errorsOfRemoved = 0

  /** Durations of a backend from the end of the request to the head of the response. */
  durationsOf(backendId: number): Histogram {
    this.#durations[backendId] ??= new Histogram(DURATION_BOUNDS)
    return this.#durations[backendId]
  }

  /**
   * To be called when a request has ended.
   * @param statusCode of its answer, or 0 if the client left before there was one
   * @param backendId the backend that answered it, or `NO_BACKEND_ID`
   * @param durationMs from its head to the end of its answer, in milliseconds
   */
  count(method: string, statusCode: number, backendId: number, durationMs: number): void {
    const methodIndex = METHOD_INDEX.get(method) ?? METHODS.length
    const row = backendId - NO_BACKEND_ID
    this.#counts[row] ??= new Totals(PER_BACKEND)
    this.#counts[row].add(methodIndex * STATUS_CLASSES.length + statusClass(statusCode), 1)
    this.duration.observe(durationMs / 1000)
  }

  /** The counts of the requests that a backend answered, or, for `NO_BACKEND_ID`, that none did. */
  *countsOf(backendId: number): Generator<RequestCount> {
    const counts = this.#counts[backendId - NO_BACKEND_ID]
    for (let index = 0; counts && index < PER_BACKEND; index++) {
      const count = counts.at(index)
      if (count === 0) continue
      yield {
        method: METHOD_LABELS[Math.floor(index / STATUS_CLASSES.length)]!,
        code: STATUS_CLASSES[index % STATUS_CLASSES.length]!,
        count
      }
    }
  }

  /** Number of requests so far that ended with a status of 500 or above, whoever answered. */
  get serverErrors(): number {
    let errors = this.#errorsOfRemoved
    for (const counts of this.#counts) errors += errorsIn(counts)
    return errors
  }

  /** To be called when a pool was removed, with its requests. */
  absorb({ serverErrors }: RequestMetrics): void {
    this.#errorsOfRemoved += serverErrors
  }

  /** To be called when a backend was removed; its id is not used again. */
  forget(backendId: number): void {
    this.#errorsOfRemoved += errorsIn(this.#counts[backendId - NO_BACKEND_ID])
    delete this.#counts[backendId - NO_BACKEND_ID]
    delete this.#durations[backendId]
  }
}

const SERVER_ERRORS = STATUS_CLASSES.indexOf('5xx')

function errorsIn(counts: Totals | undefined): number {
  let errors = 0
  if (counts) for (let i = SERVER_ERRORS; i < PER_BACKEND; i += STATUS_CLASSES.length) errors += counts.at(i)
  return errors
}
