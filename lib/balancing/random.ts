import type { Backend } from '../pool/backend.js'
import { isCandidate, type Policy, type Random } from './policy.js'

/**
 * A random candidate, in proportion to weight, by reservoir sampling.
 * @param tried backends to skip
 * @param except one more to skip
 */
export function pickAtRandom(
  backends: readonly Backend[],
  random: Random,
  tried: readonly Backend[] | undefined,
  except?: Backend
): Backend | undefined {
  let chosen: Backend | undefined
  let weightSoFar = 0
  for (const backend of backends) {
    if (backend === except || !isCandidate(backend, tried)) continue
    const weight = backend.effectiveWeight
    weightSoFar += weight
    if (chosen === undefined || random() * weightSoFar < weight) chosen = backend
  }
  return chosen
}

/** At random, in proportion to weight: for many balancers in front of the same backends, which see only a part of the load. */
export function randomPolicy(random: Random): Policy {
  return { choose: (backends, _req, tried) => pickAtRandom(backends, random, tried) }
}
