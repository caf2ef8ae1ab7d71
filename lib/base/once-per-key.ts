/** Of what clients can make up as they like, so many are told of. */
const MAX_KEYS = 100

/** Tells what has come before from what has not, so that the log has one line of each kind, and a bounded number in all. */
export class OncePerKey {
  readonly #seen = new Set<string>()

  /** Whether it is the first of its kind, and is to be told of. */
  isFirst(key: string): boolean {
    if (this.#seen.has(key) || this.#seen.size >= MAX_KEYS) return false
    this.#seen.add(key)
    return true
  }
}
