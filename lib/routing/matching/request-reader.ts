import type { RoutedRequest } from '../routed-request.js'

/** Reads from a request what routes ask for, and takes its query apart at most once. */
export class RequestReader {
  readonly request: RoutedRequest
  #query: URLSearchParams | undefined

  constructor(request: RoutedRequest) {
    this.request = request
  }

  /** The value of a field: of one that Node keeps in a list, all lines joined. */
  header(name: string): string | undefined {
    const value = this.request.headers[name]
    return typeof value === 'string' || value === undefined ? value : value.join(', ')
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
