import { fieldValue } from '../../base/http/field-value.js'
import type { RoutedRequest } from '../routed-request.js'

const NOT_ASCII = /[\x80-\xff]/

/** Reads from a request what routes ask for, and takes its query apart at most once. */
export class RequestReader {
  readonly request: RoutedRequest
  #query: URLSearchParams | undefined

  constructor(request: RoutedRequest) {
    this.request = request
  }

  /** The value of a field, of several lines all joined. What is not ASCII is read as UTF-8, which Node leaves as bytes. */
  header(name: string): string | undefined {
    const value = fieldValue(this.request.headers, name)
    return value !== undefined && NOT_ASCII.test(value) ? Buffer.from(value, 'latin1').toString() : value
  }

  /** The first value of a query parameter, decoded as browsers do it (application/x-www-form-urlencoded). */
  parameter(name: string): string | undefined {
    const { target } = this.request
    const queryAt = target.indexOf('?')
    if (queryAt === -1) return undefined
    this.#query ??= new URLSearchParams(target.slice(queryAt + 1))
    return this.#query.get(name) ?? undefined
  }
}
