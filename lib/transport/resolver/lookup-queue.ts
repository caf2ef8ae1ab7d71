/** A look-up that takes longer holds up those behind it no more. */
const PATIENCE_MS = 1000

type Start = (done: () => void) => void

/**
 * Has look-ups that nobody waits for made one after the other. The system's resolver blocks a thread for each, of which
 * Node has two for that: one of them stays for those that a connection waits for.
 */
export class LookupQueue {
  readonly #waiting: Start[] = []
  #isBusy = false

  /** Calls `start` when its turn has come. */
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
      // Those that nobody wants any more end at once, and may be many.
      setImmediate(() => this.#next())
    }
    const timer = setTimeout(done, PATIENCE_MS).unref()
    start(done)
  }
}
