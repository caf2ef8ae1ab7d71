/** A look-up that takes longer no longer blocks the queue. */
const MAX_BLOCKING_MS = 1000

type Start = (done: () => void) => void

/**
 * Runs background look-ups one after the other. The system's resolver blocks a thread of libuv's pool for each, and libuv
 * uses half of its four threads for look-ups at most: so one remains for those that a connection waits for.
 */
export class LookupQueue {
  readonly #waiting: Start[] = []
  #isBusy = false

  /** Queues a look-up: calls `start` with the function to call at its end. */
  run(start: Start): void {
    this.#waiting.push(start)
    if (!this.#isBusy) this.#next()
  }

  #next(): void {
    const start = this.#waiting.shift()
    this.#isBusy = start !== undefined
    if (!start) return
    let isOver = false
    const done = () => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      // Cancelled ones end at once, and may be many: no recursion.
      setImmediate(() => this.#next())
    }
    const timer = setTimeout(done, MAX_BLOCKING_MS).unref()
    start(done)
  }
}
