import { randomBytes } from 'node:crypto'
import type { FleetNews, Store } from './store.js'

const PERIOD_MS = 500

/** How many balancers there are, this one included: each thread counts as one. */
export class Membership {
  /** Of this one. */
  readonly id = randomBytes(6).toString('base64url')
  readonly #store: Store
  readonly #onNews: (news: FleetNews) => void
  #count = 1
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /** @param onNews told of what the store says with each heartbeat */
  constructor(store: Store, onNews: (news: FleetNews) => void = () => {}) {
    this.#store = store
    this.#onNews = onNews
  }

  /** As it was last known. */
  get count(): number {
    return this.#count
  }

  /** Resolves when it is known how many there are, or the store has not said so. */
  async start(): Promise<void> {
    try {
      const news = await this.#store.heartbeat(this.id)
      if (Number.isSafeInteger(news.count) && news.count >= 1) this.#count = news.count
      this.#onNews(news)
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
