/** Counts what clients hold, each up to a limit. */
export interface ClientCounts {
  /** Adds 1 for a client unless that would take it over the limit. Returns whether it did. */
  acquire(client: string, limit: number): boolean
  /** Takes off 1 that this thread has added. */
  release(client: string): void
  /** To be called when a thread has ended: it holds nothing any more. */
  clearThread(thread: number): void
}

/** The counts of one thread. */
export class LocalClientCounts implements ClientCounts {
  readonly #counts = new Map<string, number>()

  acquire(client: string, limit: number): boolean {
    const count = this.#counts.get(client) ?? 0
    if (count >= limit) return false
    this.#counts.set(client, count + 1)
    return true
  }

  release(client: string): void {
    const count = this.#counts.get(client)! - 1
    if (count > 0) this.#counts.set(client, count)
    else this.#counts.delete(client)
  }

  clearThread(): void {}
}
