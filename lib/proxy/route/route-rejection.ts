import type { IncomingMessage } from 'node:http'
import { plainHeadOf } from '../../base/http/plain-head.js'
import { BalancerCell } from '../../pool/cells.js'
import type { Rejection } from '../admission/rejection.js'
import { BODY_TOO_LARGE } from '../failure.js'
import { declaresMore } from '../request/request-check.js'
import type { RouteEntry } from './route-entry.js'

/**
 * Why a request goes no further than to its route; undefined if nothing is in its way, and it counts towards the client's
 * rate limit there.
 * @param maxBodyBytes where the route says nothing of it; 0 for no limit
 */
export function routeRejection(
  req: IncomingMessage,
  route: Pick<RouteEntry, 'access' | 'maxBodyBytes'>,
  maxBodyBytes: number
): Rejection | undefined {
  const rejection = route.access?.rejectionOf(req)
  if (rejection) return rejection
  // Fields are made when they are first read.
  if (plainHeadOf(req)?.hasBody === false) return undefined
  return declaresMore(req, route.maxBodyBytes ?? maxBodyBytes) ? TOO_LARGE : undefined
}

const TOO_LARGE: Rejection = { failure: BODY_TOO_LARGE, cell: BalancerCell.rejectedRequest }
