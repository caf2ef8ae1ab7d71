import type { DrainLimits } from './server-drain.js'

/**
 * How the servers of a process drain: at the end of the service, clients are hurried; where another process has taken
 * over, nobody waits for the end, and connections may take the time that they would have taken anyway.
 */
export class DrainTerms {
  readonly #endMs: number
  readonly #handoverMs: number
  #isHandover = false

  /** @param timeouts for what is left to finish: at the end of the service, and where another process has taken over */
  constructor(timeouts: { readonly drainTimeoutMs: number; readonly upgradeDrainTimeoutMs: number }) {
    this.#endMs = timeouts.drainTimeoutMs
    this.#handoverMs = timeouts.upgradeDrainTimeoutMs
  }

  /** Another process has taken over. */
  handOver(): void {
    this.#isHandover = true
  }

  get isHandover(): boolean {
    return this.#isHandover
  }

  get timeoutMs(): number {
    return this.#isHandover ? this.#handoverMs : this.#endMs
  }

  /** @param headTimeoutMs for the head of a request */
  limits(headTimeoutMs: number): DrainLimits {
    return { headTimeoutMs, drainTimeoutMs: this.timeoutMs, isPatient: this.#isHandover }
  }
}
