import type { Backend } from '../pool/backend.js'
import { isCandidate, type Policy, type Random } from './policy.js'

/**
 * Weighted least connections: the candidate with the fewest requests in flight in proportion to its weight. Ties are
 * broken at random, in proportion to weight, so that an idle balancer spreads by weight as well.
 *
 * One pass, no allocation. It counts requests, not sockets, as those are what a backend works on.
 *
 * @param tried backends to skip
 */
export function leastConnections(
  backends: readonly Backend[],
  random: Random,
  tried?: readonly Backend[]
): Backend | undefined {
  let best: Backend | undefined
  let bestLoad = 0
  let bestWeight = 1
  let tiedWeight = 0
  for (let i = 0; i < backends.length; i++) {
    const backend = backends[i]!
    if (!isCandidate(backend, tried)) continue
    const load = backend.load
    const weight = backend.effectiveWeight
    // Compares load / weight by cross-multiplication: exact, and without a division.
    const difference = best === undefined ? -1 : load * bestWeight - bestLoad * weight
    if (difference < 0) {
      best = backend
      bestLoad = load
      bestWeight = weight
      tiedWeight = weight
    } else if (difference === 0) {
      tiedWeight += weight
      if (random() * tiedWeight < weight) {
        best = backend
        bestLoad = load
        bestWeight = weight
      }
    }
  }
  return best
}

/** Least connections as a policy. */
export function leastConnectionsPolicy(random: Random): Policy {
  return { choose: (backends, _req, tried) => leastConnections(backends, random, tried) }
}
