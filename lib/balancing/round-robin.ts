import type { Backend } from '../pool/backend.js'
import { isCandidate, type Policy } from './policy.js'

/**
 * Weighted round robin in the smooth form: at each choice every candidate gains its weight, and the one that has most
 * gives up the sum of what was gained. A backend of weight 3 beside one of weight 1 is chosen as A A B A, not A A A B.
 */
export function roundRobinPolicy(): Policy {
  const gained: number[] = []
  return {
    choose(backends, _req, tried) {
      let best: Backend | undefined
      let most = 0
      let sum = 0
      for (const backend of backends) {
        if (!isCandidate(backend, tried)) continue
        const weight = backend.effectiveWeight
        sum += weight
        const own = (gained[backend.id] ?? 0) + weight
        gained[backend.id] = own
        if (best !== undefined && own <= most) continue
        best = backend
        most = own
      }
      if (best) gained[best.id] = most - sum
      return best
    }
  }
}
