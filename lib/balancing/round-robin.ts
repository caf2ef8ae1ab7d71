import type { Backend } from '../pool/backend.js'
import { isCandidate, type Policy } from './policy.js'

/**
 * Smooth weighted round robin, as in nginx: at each choice every candidate's score grows by its weight, and that of the
 * chosen one, the highest, shrinks by the sum of the weights. Weights 3 and 1 yield A A B A, not A A A B.
 */
export function roundRobinPolicy(): Policy {
  const scores: number[] = []
  return {
    choose(backends, _req, tried) {
      let best: Backend | undefined
      let bestScore = 0
      let sum = 0
      for (const backend of backends) {
        if (!isCandidate(backend, tried)) continue
        const weight = backend.effectiveWeight
        sum += weight
        const score = (scores[backend.id] ?? 0) + weight
        scores[backend.id] = score
        if (best !== undefined && score <= bestScore) continue
        best = backend
        bestScore = score
      }
      if (best) scores[best.id] = bestScore - sum
      return best
    }
  }
}
