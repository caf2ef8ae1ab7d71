import type { IncomingMessage } from 'node:http'
import type { Backend } from '../../pool/backend.js'
import { BackendCell } from '../../pool/cells.js'
import type { OutgoingRequest } from '../../transport/backend-stream.js'
import { Attempt, type AttemptOwner } from '../attempt.js'
import type { Forwarding } from '../forwarding.js'
import type { RetryBudget } from './retry-budget.js'
import { isSafe } from './retry-conditions.js'

/**
 * The same request sent to another backend while the first one is silent ("The Tail at Scale", Dean and Barroso, 2013).
 * Whichever sends the head of a response first has answered. It holds a place in the retry budget.
 */
export class Hedge {
  readonly attempt: Attempt
  readonly #budget: RetryBudget

  /**
   * Takes a slot on another backend than those that were `tried`, and a place in the retry budget; undefined if one of
   * them is not to be had. The attempt is for its owner to start, and to end.
   */
  static begin(owner: AttemptOwner, req: IncomingMessage, tried: readonly Backend[]): Hedge | undefined {
    const { selector, budget } = owner.forwarding
    const backend = selector.select(req, tried)
    if (!backend || !budget.acquire()) return undefined
    if (!backend.acquire()) {
      budget.release()
      return undefined
    }
    backend.counters.addTotal(BackendCell.hedges, 1)
    return new Hedge(new Attempt(owner, backend), budget)
  }

  private constructor(attempt: Attempt, budget: RetryBudget) {
    this.attempt = attempt
    this.#budget = budget
  }

  /** Gives the place in the budget back: its attempt is over, or has answered. */
  end(): void {
    this.#budget.release()
  }
}

/** Whether a request that has waited so long for one backend is to be sent to another one as well. */
export function isHedgeDue(
  { body, replayable, upgrade }: OutgoingRequest,
  req: IncomingMessage,
  backend: Backend,
  waitedMs: number,
  { hedgeAfterMs, sessions, unresponsiveDetector }: Forwarding
): boolean {
  if (body || !replayable || upgrade !== undefined) return false
  // A session stays where it is as long as it can. Two DELETEs at once may answer `404` to the one that was first.
  if (hedgeAfterMs > 0 && waitedMs >= hedgeAfterMs && isSafe(req) && !sessions?.backendOf(req)) return true
  return unresponsiveDetector?.isUnresponsive(backend) ?? false
}
