export const ALGORITHMS = ['least-connections', 'peak-ewma', 'p2c', 'round-robin', 'random', 'hash'] as const

/** How a backend is chosen for a request. */
export type Algorithm = (typeof ALGORITHMS)[number]

/** What of a request decides on its backend under `hash`. */
export interface HashKey {
  readonly from: 'address' | 'target' | 'header' | 'cookie'
  /** Of the header, in lower case, or of the cookie; empty for the others. */
  readonly name: string
}
