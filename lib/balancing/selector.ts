import type { IncomingMessage } from 'node:http'
import type { Backend } from '../pool/backend.js'
import type { Policy } from './policy.js'

/**
 * Applies a policy to the primary backends, to the backups while no primary is eligible, and to those that are about to end
 * while no other backend is.
 */
export class Selector {
  readonly #policy: Policy
  /** Backends of one rank each, the first first; none is empty. */
  #tiers: readonly (readonly Backend[])[] = []

  constructor(backends: readonly Backend[], policy: Policy) {
    this.#policy = policy
    this.setBackends(backends)
  }

  /** Replaces the backends to choose from. */
  setBackends(backends: readonly Backend[]): void {
    const lasting = backends.filter(({ isTerminating }) => !isTerminating)
    const tiers = [
      lasting.filter(({ config }) => !config.backup),
      lasting.filter(({ config }) => config.backup),
      backends.filter(({ isTerminating }) => isTerminating)
    ]
    this.#tiers = tiers.filter(({ length }) => length > 0)
  }

  /**
   * The backend for a request, or undefined if none is eligible and below its limit.
   * @param tried backends to skip
   */
  select(req: IncomingMessage, tried?: readonly Backend[]): Backend | undefined {
    const tiers = this.#tiers
    for (let i = 0; i < tiers.length; i++) {
      const chosen = this.#policy.choose(tiers[i]!, req, tried)
      if (chosen || i === tiers.length - 1 || hasEligible(tiers[i]!, tried)) return chosen
    }
    return undefined
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
    return this.#tiers.some((tier) => hasEligible(tier, tried))
  }
}

function hasEligible(backends: readonly Backend[], tried: readonly Backend[] | undefined): boolean {
  for (const backend of backends) if (backend.eligible && !tried?.includes(backend)) return true
  return false
}
