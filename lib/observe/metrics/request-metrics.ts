import { NO_BACKEND_ID } from '../../pool/backend-id.js'
import { DURATION_BOUNDS, Histogram } from './histogram.js'

/** Those that have a label of their own: any other name that a client may send would be one more series. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const METHOD_LABELS = [...METHODS, 'other'] as const
/** By the first digit of the status; 0 when the client left before there was one. */
const CODE_LABELS = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const
const METHOD_INDEX = new Map<string, number>(METHODS.map((method, index) => [method, index]))
const PER_BACKEND = METHOD_LABELS.length * CODE_LABELS.length

/** How many requests ended in one way. */
export interface RequestCount {
  readonly method: string
  readonly code: string
  readonly count: number
}

/**
 * What is counted of each request as it ends: cheaply, as labels are only made when somebody asks. Of this thread, as
 * nothing is decided from it.
 */
export class RequestMetrics {
  /** From the head of the request to the end of the response. */
  readonly duration = new Histogram(DURATION_BOUNDS)
  /** By the number of a backend, and `NO_BACKEND_ID` first; there are more as backends join. */
  readonly #counts: (Float64Array | undefined)[] = []
  readonly #durations: (Histogram | undefined)[] = []
  /** Server errors of backends that have left. */
  #errorsOfGone = 0

  /** Of a backend, from the end of the request to the head of the response. */
  durationsOf(backendId: number): Histogram {
    this.#durations[backendId] ??= new Histogram(DURATION_BOUNDS)
    return this.#durations[backendId]
  }

  /**
   * A request has ended.
   * @param statusCode of its answer, or 0 if the client left before there was one
   * @param backendId the backend that answered it, or `NO_BACKEND_ID`
   * @param durationMs from its head to the end of its answer, in milliseconds
   */
  count(method: string, statusCode: number, backendId: number, durationMs: number): void {
    const methodIndex = METHOD_INDEX.get(method) ?? METHODS.length
    const codeIndex = Math.min(Math.floor(statusCode / 100), CODE_LABELS.length - 1)
    const row = backendId - NO_BACKEND_ID
    this.#counts[row] ??= new Float64Array(PER_BACKEND)
    this.#counts[row][methodIndex * CODE_LABELS.length + codeIndex]!++
    this.duration.observe(durationMs / 1000)
  }

  /** Every way in which requests have ended so far that a backend answered, or none. */
  *countsOf(backendId: number): Generator<RequestCount> {
    for (const [index, count] of this.#counts[backendId - NO_BACKEND_ID]?.entries() ?? []) {
      if (count === 0) continue
      yield {
        method: METHOD_LABELS[Math.floor(index / CODE_LABELS.length)]!,
        code: CODE_LABELS[index % CODE_LABELS.length]!,
        count
      }
    }
  }

  /** How many requests have ended so far with a status of 500 or above, whoever answered. */
  get serverErrors(): number {
    let errors = this.#errorsOfGone
    for (const counts of this.#counts) errors += errorsIn(counts)
    return errors
  }

  /** A backend has left, and its number is given to no other. */
  forget(backendId: number): void {
    this.#errorsOfGone += errorsIn(this.#counts[backendId - NO_BACKEND_ID])
    delete this.#counts[backendId - NO_BACKEND_ID]
    delete this.#durations[backendId]
  }
}

const SERVER_ERRORS = CODE_LABELS.indexOf('5xx')

function errorsIn(counts: Float64Array | undefined): number {
  let errors = 0
  if (counts) for (let i = SERVER_ERRORS; i < PER_BACKEND; i += CODE_LABELS.length) errors += counts[i]!
  return errors
}
