import { randomBytes } from 'node:crypto'
import type { Store } from './store.js'

const PERIOD_MS = 1000

/** How many balancers there are, this one included: each thread counts as one. */
export class Membership {
  /** Of this one. */
  readonly id = randomBytes(6).toString('base64url')
  readonly #store: Store
  #count = 1
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(store: Store) {
    this.#store = store
  }

  /** As it was last known. */
  get count(): number {
    return this.#count
  }

  /** Resolves when it is known how many there are, or the store has not said so. */
  async start(): Promise<void> {
    try {
      const count = await this.#store.heartbeat(this.id)
      if (Number.isSafeInteger(count) && count >= 1) this.#count = count
    } catch {
      // The store says so itself.
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.start(), PERIOD_MS).unref()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#store.leave(this.id)
  }
}
