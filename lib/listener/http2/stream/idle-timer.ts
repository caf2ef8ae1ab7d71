/** Tells when a stream was idle for a time, as `setTimeout` of a socket does. */
export class IdleTimer {
  #timer: NodeJS.Timeout | undefined

  /** Limits the time from now on. @param timeoutMs 0 for no limit */
  set(timeoutMs: number, onIdle: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = timeoutMs > 0 ? setTimeout(onIdle, timeoutMs).unref() : undefined
  }

  /** Something has moved. */
  touch(): void {
    this.#timer?.refresh()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
