import type { StickyConfig } from './sticky-options.js'

/** The load-balancing algorithms. */
export const ALGORITHMS = ['least-connections', 'peak-ewma', 'p2c', 'round-robin', 'random', 'hash'] as const

/** How a backend is chosen for a request. */
export type Algorithm = (typeof ALGORITHMS)[number]

/** How the backends of a pool are chosen. */
export interface BalancingOptions {
  readonly algorithm: Algorithm
  /** What the algorithm `hash` goes by. */
  readonly hashKey: HashKey
  /** Undefined to keep no client on a backend. */
  readonly sticky: StickyConfig | undefined
}

/** The part of a request that `hash` is computed from. */
export interface HashKey {
  readonly from: 'address' | 'target' | 'header' | 'cookie'
  /** Name of the header, in lower case, or of the cookie; empty for the others. */
  readonly name: string
}
