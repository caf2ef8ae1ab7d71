/** Keys may be the clients' choice: this many are accepted. */
const MAX_KEYS = 100

/** Lets each key through once, so that the log has one line of each kind, and a bounded number in all. */
export class OncePerKey {
  readonly #seen = new Set<string>()

  /** Whether the key is new. False for all once there have been too many. */
  isFirst(key: string): boolean {
    if (this.#seen.has(key) || this.#seen.size >= MAX_KEYS) return false
    this.#seen.add(key)
    return true
  }
}
