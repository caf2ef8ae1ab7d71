import type { Backend } from '../pool/backend.js'
import { isCandidate, type Policy, type Random } from './policy.js'

/**
 * A candidate by chance, in proportion to weight.
 * @param besides one more to pass over
 */
export function pickAtRandom(
  backends: readonly Backend[],
  random: Random,
  tried: readonly Backend[] | undefined,
  besides?: Backend
): Backend | undefined {
  let chosen: Backend | undefined
  let weightSoFar = 0
  for (const backend of backends) {
    if (backend === besides || !isCandidate(backend, tried)) continue
    const weight = backend.effectiveWeight
    weightSoFar += weight
    if (chosen === undefined || random() * weightSoFar < weight) chosen = backend
  }
  return chosen
}

/** Chance alone, in proportion to weight: for many balancers before the same backends, none of which sees all. */
export function randomPolicy(random: Random): Policy {
  return { choose: (backends, _req, tried) => pickAtRandom(backends, random, tried) }
}
