const INTERVAL_MS = 60_000

/**
 * Logs refused connections without flooding: of each reason, one a minute with its address, and the number of those in
 * between with the next one. Reasons must be few.
 */
export class RefusalLog {
  readonly #write: (reason: string, address: string, before: number) => void
  readonly #now: () => number
  readonly #windows = new Map<string, { untilMs: number; count: number }>()

  /** @param write called with how many were skipped since the previous call for the reason */
  constructor(
    write: (reason: string, address: string, before: number) => void,
    now: () => number = () => performance.now()
  ) {
    this.#write = write
    this.#now = now
  }

  record(reason: string, address: string): void {
    const nowMs = this.#now()
    const window = this.#windows.get(reason)
    if (window && nowMs < window.untilMs) {
      window.count++
      return
    }
    this.#windows.set(reason, { untilMs: nowMs + INTERVAL_MS, count: 0 })
    this.#write(reason, address, window?.count ?? 0)
  }
}
