import type { BackendFailure } from '../pool/registry-events.js'

const WINDOW_MS = 1000

/**
 * Logs failed requests without flooding the log: the first of a kind at once, those that follow within a second as one
 * line with their count.
 */
export class FailureLog {
  readonly #write: (failure: BackendFailure, repeats: number) => void
  readonly #open = new Map<string, { failure: BackendFailure; suppressed: number; timer: NodeJS.Timeout }>()

  constructor(write: (failure: BackendFailure, repeats: number) => void) {
    this.#write = write
  }

  record(failure: BackendFailure): void {
    const key = `${failure.backend.id} ${failure.code} ${failure.detail}`
    const open = this.#open.get(key)
    if (open) {
      open.suppressed++
      return
    }
    this.#write(failure, 1)
    const timer = setTimeout(() => this.#close(key), WINDOW_MS)
    timer.unref()
    this.#open.set(key, { failure, suppressed: 0, timer })
  }

  /** Writes the failures that are held back. */
  flush(): void {
    for (const key of [...this.#open.keys()]) this.#close(key)
  }

  #close(key: string): void {
    const open = this.#open.get(key)
    if (!open) return
    clearTimeout(open.timer)
    this.#open.delete(key)
    if (open.suppressed > 0) this.#write(open.failure, open.suppressed)
  }
}
