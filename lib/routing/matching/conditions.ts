import type { BlockList } from 'node:net'
import { contains } from '../../listener/client/connection-info.js'
import type { HostMatch, NamedMatch, RouteMatch, TextMatch } from '../options.js'
import { hostFits, hostMatchOf, hostOf } from './hosts.js'
import type { RequestReader } from './request-reader.js'

/** Which condition a request does not meet, besides those on its host and path. */
export type Unmet =
  | { readonly condition: 'method' | 'client' | 'port' | 'tls-name' }
  | { readonly condition: 'header' | 'query'; readonly name: string }

/** The conditions of a route that are not on host and path. */
export class Conditions {
  readonly #methods: readonly string[]
  readonly #headers: readonly NamedMatch[]
  readonly #query: readonly NamedMatch[]
  readonly #clients: BlockList | undefined
  readonly #ports: readonly number[]
  readonly #tlsName: HostMatch | undefined
  /** Whether there are none. */
  readonly isEmpty: boolean

  /** @param tlsName the one of the route's TLS names that is asked for */
  constructor(match: RouteMatch, tlsName: HostMatch | undefined) {
    this.#methods = match.methods
    this.#headers = match.headers
    this.#query = match.query
    this.#clients = match.clients
    this.#ports = match.ports
    this.#tlsName = tlsName && hostMatchOf(tlsName)
    const { methods, headers, query, ports } = match
    const isAsked = [methods, headers, query, ports].some(({ length }) => length > 0)
    this.isEmpty = !isAsked && match.clients === undefined && tlsName === undefined
  }

  /** The first condition that a request does not meet, cheap ones first; undefined if it meets all. */
  unmetBy(reader: RequestReader): Unmet | undefined {
    const { request } = reader
    if (this.#methods.length > 0 && !this.#methods.includes(request.method)) return { condition: 'method' }
    if (this.#ports.length > 0 && !this.#ports.includes(request.localPort)) return { condition: 'port' }
    if (this.#tlsName !== undefined && !hostFits(this.#tlsName, hostOf(request.tlsName ?? '')))
      return { condition: 'tls-name' }
    for (const { name, anyOf } of this.#headers)
      if (!fitsAny(anyOf, reader.header(name))) return { condition: 'header', name }
    for (const { name, anyOf } of this.#query)
      if (!fitsAny(anyOf, reader.parameter(name))) return { condition: 'query', name }
    if (this.#clients && !contains(this.#clients, request.clientAddress)) return { condition: 'client' }
    return undefined
  }
}

function fitsAny(anyOf: readonly TextMatch[], value: string | undefined): boolean {
  return value !== undefined && anyOf.some((match) => fits(match, value))
}

function fits(match: TextMatch, value: string): boolean {
  if (match === true) return true
  return typeof match === 'string' ? match === value : match.test(value)
}
