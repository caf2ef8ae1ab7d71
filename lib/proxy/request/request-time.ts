import type { Exchange } from '../exchange.js'
import { BODY_TIMEOUT } from '../failure.js'

/**
 * Limits the time of a whole request, where Node's HTTP server does not.
 * @param timeoutMs 0 for no limit
 */
export function limitRequestTime(exchange: Exchange, timeoutMs: number): void {
  const { req, res } = exchange
  if (req.complete || timeoutMs === 0) return
  const timer = setTimeout(() => {
    if (!req.complete) exchange.giveUp(BODY_TIMEOUT)
  }, timeoutMs)
  res.whenOver(() => clearTimeout(timer))
}
