import type { Policy, Random } from './policy.js'
import { pickAtRandom } from './random.js'

/**
 * The power of two choices (P2C): of two candidates picked at random, in proportion to weight, the one with fewer
 * requests in flight for its weight. It avoids the herd that least connections causes where several balancers do not see
 * each other's requests (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).
 */
export function twoChoicesPolicy(random: Random): Policy {
  return {
    choose(backends, _req, tried) {
      const one = pickAtRandom(backends, random, tried)
      const other = one && pickAtRandom(backends, random, tried, one)
      if (!other) return one
      return other.load * one.effectiveWeight < one.load * other.effectiveWeight ? other : one
    }
  }
}
