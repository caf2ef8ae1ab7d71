import { MAX_WEIGHT } from '../../pool/spec/backend-options.js'

/** Good enough to prefer smaller numbers. */
const EXACT = 1e-9

/**
 * Weights of SRV records (0 to 65535) as weights of backends (1 to 256), in proportions as close as whole numbers allow: of all
 * numbers that the largest may become it is the least with the smallest error, so `100, 200` becomes `1, 2`. More than
 * 256 to 1 cannot be said. All 0 means that all are equal (RFC 2782); 0 beside others becomes 1 while they become as large as
 * possible.
 */
export function backendWeights(weights: readonly number[]): number[] {
  const largest = Math.max(...weights)
  if (largest === 0) return weights.map(() => 1)
  const distinct = [...new Set(weights)].filter((weight) => weight > 0)
  // What fits below half of the range fits as well above it.
  const from = weights.includes(0) ? MAX_WEIGHT / 2 + 1 : 1
  let best = from
  let least = Number.POSITIVE_INFINITY
  for (let top = from; top <= MAX_WEIGHT; top++) {
    const scale = top / largest
    const error = Math.max(
      ...distinct.map((weight) => Math.abs(scaled(weight, scale) / (weight * scale) - 1))
    )
    if (error < least - EXACT) {
      least = error
      best = top
    }
  }
  return weights.map((weight) => scaled(weight, best / largest))
}

const scaled = (weight: number, scale: number) => Math.max(1, Math.round(weight * scale))
