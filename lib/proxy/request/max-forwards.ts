import type { IncomingMessage } from 'node:http'
import { BAD_REQUEST, type Failure, NO_TRACE } from '../failure.js'

/** The largest value that is passed on. */
const MAX_FORWARDS = 2 ** 31 - 1

/**
 * How often a request may still be passed on, by its `Max-Forwards` (RFC 9110 section 7.6.2): NaN if that is no number,
 * or there are two; undefined if nothing is said, or the method is one with which the field may be ignored.
 */
export function forwardsLeft({ method, headers, rawHeaders }: IncomingMessage): number | undefined {
  if (method !== 'OPTIONS' && method !== 'TRACE') return undefined
  const value = headers['max-forwards']
  if (value === undefined) return undefined
  const lines = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'max-forwards')
  return lines.length === 1 && /^\d+$/.test(String(value)) ? Number(value) : Number.NaN
}

/** The `Max-Forwards` to pass on. `left` is above 0. */
export function nextForwards(left: number): number {
  return Math.min(left - 1, MAX_FORWARDS)
}

/**
 * Why a request that is not passed on has no success here: its bound cannot be read, and so not be heeded, or it would
 * have to be sent back. Undefined for OPTIONS.
 * @param left what `forwardsLeft` says of it
 */
export function lastHopFailure(method: string, left: number): Failure | undefined {
  if (Number.isNaN(left)) return BAD_REQUEST
  return method === 'TRACE' ? NO_TRACE : undefined
}
