import type { Policy, Random } from './policy.js'
import { pickAtRandom } from './random.js'

/**
 * The power of two choices: of two candidates picked at random, in proportion to weight, the one with less in flight for
 * its weight. It never sends a crowd to one backend, as those that take the least loaded of all may when they do not see
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
