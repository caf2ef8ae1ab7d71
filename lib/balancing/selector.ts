import type { IncomingMessage } from 'node:http'
import type { Backend } from '../pool/backend.js'
import type { Policy } from './policy.js'

/** Applies a policy to the primary backends, and to the backups while no primary is eligible. */
export class Selector {
  readonly #policy: Policy
  #primaries: readonly Backend[] = []
  #backups: readonly Backend[] = []

  constructor(backends: readonly Backend[], policy: Policy) {
    this.#policy = policy
    this.setBackends(backends)
  }

  /** Replaces the backends to choose from. */
  setBackends(backends: readonly Backend[]): void {
    this.#primaries = backends.filter(({ config }) => !config.backup)
    this.#backups = backends.filter(({ config }) => config.backup)
  }

  /**
   * The backend for a request, or undefined if none is eligible and below its limit.
   * @param tried backends to skip
   */
  select(req: IncomingMessage, tried?: readonly Backend[]): Backend | undefined {
    const chosen = this.#policy.choose(this.#primaries, req, tried)
    if (chosen || this.#backups.length === 0 || hasEligible(this.#primaries, tried)) return chosen
    return this.#policy.choose(this.#backups, req, tried)
  }

  /**
   * The same with a slot acquired on it, which is to be released once. Another thread may take the last slot of the one
   * that was chosen: then that is full, and the choice is made anew.
   */
  acquire(req: IncomingMessage, tried?: readonly Backend[]): Backend | undefined {
    for (;;) {
      const chosen = this.select(req, tried)
      if (!chosen || chosen.acquire()) return chosen
    }
  }

  /** Whether a request that found no backend may wait for one: some are eligible, but at their limit. */
  canWait(tried?: readonly Backend[]): boolean {
    return hasEligible(this.#primaries, tried) || hasEligible(this.#backups, tried)
  }
}

function hasEligible(backends: readonly Backend[], tried: readonly Backend[] | undefined): boolean {
  for (const backend of backends) if (backend.eligible && !tried?.includes(backend)) return true
  return false
}
