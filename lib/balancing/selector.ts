import type { IncomingMessage } from 'node:http'
import type { Backend } from '../pool/backend.js'
import type { Policy } from './policy.js'

/** Chooses among the backends proper, and among the backups only while none of those is eligible. */
export class Selector {
  readonly #policy: Policy
  #primaries: readonly Backend[] = []
  #backups: readonly Backend[] = []

  constructor(backends: readonly Backend[], policy: Policy) {
    this.#policy = policy
    this.setBackends(backends)
  }

  /** From now on it chooses among these. */
  setBackends(backends: readonly Backend[]): void {
    this.#primaries = backends.filter(({ config }) => !config.backup)
    this.#backups = backends.filter(({ config }) => config.backup)
  }

  /**
   * The backend for a request, or undefined if there is none, or none with room.
   * @param tried backends to pass over
   */
  select(req: IncomingMessage, tried?: readonly Backend[]): Backend | undefined {
    const chosen = this.#policy.choose(this.#primaries, req, tried)
    if (chosen || this.#backups.length === 0 || hasEligible(this.#primaries, tried)) return chosen
    return this.#policy.choose(this.#backups, req, tried)
  }

  /** Whether a request that finds no backend with room may hope for one. */
  canWait(tried?: readonly Backend[]): boolean {
    return hasEligible(this.#primaries, tried) || hasEligible(this.#backups, tried)
  }
}

function hasEligible(backends: readonly Backend[], tried: readonly Backend[] | undefined): boolean {
  for (const backend of backends) if (backend.eligible && !tried?.includes(backend)) return true
  return false
}
