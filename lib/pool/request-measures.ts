import { ONE_THREAD } from '../base/cells/rows.js'
import { Totals } from '../base/cells/totals.js'
import { STATUS_CLASSES, statusClass } from '../base/http/status-class.js'
import { Histogram, histogramTotals } from '../base/latency/histogram.js'

/** Methods with a label of their own: each further name that a client sends would be another series. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const METHOD_LABELS = [...METHODS, 'other'] as const
const METHOD_INDEX = new Map<string, number>(METHODS.map((method, index) => [method, index]))
const KINDS = METHOD_LABELS.length * STATUS_CLASSES.length
const SERVER_ERRORS = STATUS_CLASSES.indexOf('5xx')

/** Upper bounds in seconds, from what a fast backend takes to what a client waits for. */
export const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** The totals that measures of requests take. */
export const MEASURED_TOTALS = KINDS + histogramTotals(DURATION_BOUNDS)

/** Number of requests that ended with one method and class of status. */
export interface RequestCount {
  readonly method: string
  readonly code: string
  readonly count: number
}

/** How requests ended, and how long they took. Labels are only made when it is read. */
export class RequestMeasures {
  readonly durations: Histogram
  readonly #totals: Totals

  /** @param cells of zeros at first, for `MEASURED_TOTALS` */
  constructor(threads = ONE_THREAD, cells?: Int32Array) {
    this.#totals = new Totals(MEASURED_TOTALS, threads, cells)
    this.durations = new Histogram(DURATION_BOUNDS, this.#totals, KINDS)
  }

  /** @param statusCode of the answer, or 0 if the client left before there was one */
  count(method: string, statusCode: number): void {
    const methodIndex = METHOD_INDEX.get(method) ?? METHODS.length
    this.#totals.add(methodIndex * STATUS_CLASSES.length + statusClass(statusCode), 1)
  }

  /** Those that are not 0. */
  *counts(): Generator<RequestCount> {
    for (let kind = 0; kind < KINDS; kind++) {
      const count = this.#totals.at(kind)
      if (count === 0) continue
      yield {
        method: METHOD_LABELS[Math.floor(kind / STATUS_CLASSES.length)]!,
        code: STATUS_CLASSES[kind % STATUS_CLASSES.length]!,
        count
      }
    }
  }

  /** Those that ended with a status of 500 or above. */
  get serverErrors(): number {
    let errors = 0
    for (let kind = SERVER_ERRORS; kind < KINDS; kind += STATUS_CLASSES.length)
      errors += this.#totals.at(kind)
    return errors
  }
}
