import { isIPv6 } from 'node:net'
import type { HostMatch } from '../options.js'

/** Whether a condition on a host stands for all hosts below a suffix. */
export const isWildcard = (host: HostMatch) => host.startsWith('*.')

/**
 * The host of an authority in the form in which hosts are compared: in small letters, without port, and without the dot
 * that may end a fully qualified name. An IPv6 address is in its canonical form (RFC 5952), in brackets.
 */
export function hostOf(authority: string): string {
  if (authority.startsWith('[')) return addressOf(authority.slice(0, authority.indexOf(']') + 1))
  const colon = authority.indexOf(':')
  const host = colon === -1 ? authority : authority.slice(0, colon)
  return (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase()
}

/** A condition on a host in the form of {@link hostOf}; an IPv6 address may stand in it without brackets. */
export function hostMatchOf(match: HostMatch): HostMatch {
  return hostOf(isIPv6(match) ? `[${match}]` : match)
}

function addressOf(literal: string): string {
  const url = `http://${literal}`
  return URL.canParse(url) ? new URL(url).hostname : literal.toLowerCase()
}

/** Whether a host is as a condition asks. @param host and @param match in the form of {@link hostOf} */
export function hostFits(match: HostMatch, host: string): boolean {
  // One label at least stands before the suffix.
  return isWildcard(match) ? host.length >= match.length && host.endsWith(match.slice(1)) : host === match
}

/** A value for each exact host, for each suffix, and for all others. */
export class HostMap<Value> {
  readonly #exact = new Map<string, Value>()
  readonly #suffixes = new Map<string, Value>()
  readonly #others: Value
  #longestSuffix = 0
  /** Whether all hosts have the same value. */
  readonly isConstant: boolean

  constructor(values: ReadonlyMap<HostMatch, Value>, others: Value) {
    for (const [host, value] of values)
      if (isWildcard(host)) {
        const suffix = host.slice(1)
        this.#suffixes.set(suffix, value)
        this.#longestSuffix = Math.max(this.#longestSuffix, suffix.length)
      } else this.#exact.set(host, value)
    this.#others = others
    this.isConstant = values.size === 0
  }

  /** The value of the most specific host. @param authority as the client sent it */
  get(authority: string | undefined): Value {
    if (!authority) return this.#others
    // Most clients send it as it stands in the table.
    return this.#exact.get(authority) ?? this.#find(hostOf(authority))
  }

  #find(host: string): Value {
    const value = this.#exact.get(host)
    if (value !== undefined || this.#longestSuffix === 0) return value ?? this.#others
    let dot = host.indexOf('.', Math.max(1, host.length - this.#longestSuffix))
    for (; dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const found = this.#suffixes.get(host.slice(dot))
      if (found !== undefined) return found
    }
    return this.#others
  }
}
