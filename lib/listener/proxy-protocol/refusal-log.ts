const INTERVAL_MS = 60_000

/**
 * Tells of connections that were refused without flooding: the first of a minute by its address, and what follows as a
 * count with the next one after it. Reasons are few, and each has a minute of its own.
 */
export class RefusalLog {
  readonly #write: (reason: string, address: string, before: number) => void
  readonly #now: () => number
  readonly #told = new Map<string, { untilMs: number; count: number }>()

  /** @param write is given how many there were since it was last called for this reason */
  constructor(
    write: (reason: string, address: string, before: number) => void,
    now: () => number = () => performance.now()
  ) {
    this.#write = write
    this.#now = now
  }

  record(reason: string, address: string): void {
    const nowMs = this.#now()
    const told = this.#told.get(reason)
    if (told && nowMs < told.untilMs) {
      told.count++
      return
    }
    this.#told.set(reason, { untilMs: nowMs + INTERVAL_MS, count: 0 })
    this.#write(reason, address, told?.count ?? 0)
  }
}
