import type { IncomingMessage } from 'node:http'
import { plainHeadOf } from '../../base/http/plain-head.js'
import { BAD_REQUEST, type Failure, NO_TRACE } from '../failure.js'
import { checkRequest, type RequestLimits } from './request-check.js'

/** The largest value that is forwarded. */
const MAX_FORWARDS = 2 ** 31 - 1

/**
 * How often a request may still be forwarded, by its `Max-Forwards` (RFC 9110 section 7.6.2): NaN if that is no number,
 * or there are two; undefined without the field, or with a method for which it may be ignored.
 */
export function forwardsLeft(req: IncomingMessage): number | undefined {
  const { method } = req
  // Before its fields, which are made when they are first read.
  if ((method !== 'OPTIONS' && method !== 'TRACE') || plainHeadOf(req)) return undefined
  const { headers, rawHeaders } = req
  const value = headers['max-forwards']
  if (value === undefined) return undefined
  const lines = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'max-forwards')
  return lines.length === 1 && /^\d+$/.test(String(value)) ? Number(value) : Number.NaN
}

/** The `Max-Forwards` of the forwarded request. `left` is above 0. */
export function nextForwards(left: number): number {
  return Math.min(left - 1, MAX_FORWARDS)
}

/**
 * What the balancer answers where a request may not be forwarded any further: to OPTIONS what it can do itself, otherwise
 * a failure, as the bound cannot be read, or as a TRACE would send its fields back. Undefined if it may.
 */
export function lastHopReply(req: IncomingMessage, limits: RequestLimits): Failure | 'options' | undefined {
  const left = forwardsLeft(req)
  if (left === undefined || left > 0) return undefined
  // Invalid requests are rejected later, as all are.
  if ('statusCode' in checkRequest(req, req.url!, limits)) return undefined
  if (Number.isNaN(left)) return BAD_REQUEST
  return req.method === 'TRACE' ? NO_TRACE : 'options'
}
