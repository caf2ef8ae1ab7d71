import type { IncomingMessage } from 'node:http'
import type { Backend } from '../backend.js'
import type { OutgoingRequest } from '../carrier.js'
import { BackendCell, BalancerCell } from '../counters.js'
import { type AttemptFault, type Failure, NO_BACKEND, QUEUE_TIMEOUT } from './failure.js'
import type { Forwarding } from './forwarding.js'
import type { Stranded } from './outage.js'
import { isRepeatable, mayTryAgain } from './retry.js'
import type { BudgetWaiter } from './retry-budget.js'
import type { Queued } from './waiting-queue.js'

/** Who makes the attempts. */
export interface TryOwner {
  /** Makes an attempt at a backend, on which a slot has been taken for it. */
  attemptAt(backend: Backend): void
  /** There will be no attempt more. */
  onNoMoreTries(failure: Failure): void
}

/** Time in which it shows whether backends have ended that broke connections: between one pulse and two. */
const DOUBT_MS = 75

/** The tries of one request that do not begin at once: those after the first, and any that waits for a place. */
export class Tries implements BudgetWaiter, Queued, Stranded {
  readonly #owner: TryOwner
  readonly #forwarding: Forwarding
  readonly #req: IncomingMessage
  readonly #request: OutgoingRequest
  /** Asked so far. */
  readonly #tried: Backend[] = []
  /** Those of them that are not asked again. */
  readonly #failed: Backend[] = []
  #retries = 0
  /** The latest loss was of the connection alone, as it seems, and counts towards nothing. */
  needsNoPlace = false
  /** A connection was lost that had carried other requests: the backend may have been closing it, and others as well. */
  needsNewConnection = false
  /** A backend that was given the request was passed over. */
  #wasGiven = false
  /** Of the latest attempt. */
  #fault: AttemptFault | undefined
  /** Whether any backend will do, while it waits for one. */
  takesAny = false
  strandedMs = -1
  /** Since when it has been asked whether it is the request that breaks connections, or the fleet that ends. */
  #doubtedMs = -1
  /** A place in the retry budget is held. */
  #hasPlace = false

  constructor(owner: TryOwner, forwarding: Forwarding, req: IncomingMessage, request: OutgoingRequest) {
    this.#owner = owner
    this.#forwarding = forwarding
    this.#req = req
    this.#request = request
  }

  /** Waits for a backend: one with room or, while none can be used, any. */
  begin(): void {
    if (this.#forwarding.selector.canWait()) this.#enqueue()
    else if (!this.#waitForReturn()) this.#owner.onNoMoreTries(NO_BACKEND)
  }

  #enqueue(): void {
    const { queue, registry, sessions } = this.#forwarding
    this.takesAny = this.#tried.length === 0 && !sessions?.backendOf(this.#req)
    queue.add(this, registry.pulseMs)
  }

  /**
   * An attempt has failed. Returns whether there will be another, now or in a moment.
   * @param sent whether the request was written to a connection
   * @param isReused whether that had carried requests before
   */
  afterFault(failed: Backend, fault: AttemptFault, sent: boolean, isReused: boolean): boolean {
    const { retries, budget, registry } = this.#forwarding
    if (!mayTryAgain(this.#request, fault, sent)) return false
    this.#fault = fault
    const { unreachable, connectionLost, unprocessed } = fault
    // What was lost as its connection was being closed says nothing of the next one, which is new.
    this.needsNoPlace = isStale(fault, isReused)
    if (this.needsNoPlace) this.needsNewConnection = true
    else if (this.#retries < retries) this.#retries++
    else return (unreachable || connectionLost || unprocessed) && this.#waitForReturn()
    this.#note(failed, unprocessed || (isReused && connectionLost))
    const isUntouched = !sent || unprocessed
    // A backend that could not be reached has done nothing yet, so that trying another makes no load.
    if ((isUntouched && !this.#wasGiven) || this.#hasPlace) this.#go()
    else budget.wait(this, registry.pulseMs)
    return true
  }

  /**
   * Tries another backend instead of taking a response, if that can be at once.
   * @param drop gives the attempt up
   */
  insteadOf(backend: Backend, drop: () => void): boolean {
    const { retries, budget, selector } = this.#forwarding
    if (this.#retries >= retries || !isRepeatable(this.#request)) return false
    const next = selector.select(this.#req, this.and(backend))
    if (!next || (!this.#hasPlace && !budget.take())) return false
    this.#hasPlace = true
    this.#note(backend, false)
    this.#retries++
    next.acquire()
    drop()
    backend.counters.addTotal(BackendCell.retries, 1)
    this.#owner.attemptAt(next)
    return true
  }

  /** One of two attempts has failed while the other goes on: that is no retry, but its backend is not asked again. */
  passOver(failed: Backend, fault?: AttemptFault, isReused = false): void {
    const stale = fault !== undefined && isStale(fault, isReused)
    if (stale) this.needsNewConnection = true
    this.#note(failed, stale)
    this.#wasGiven = true
  }

  /** @param mayBeAskedAgain if there is no other */
  #note(asked: Backend, mayBeAskedAgain: boolean): void {
    this.#tried.push(asked)
    if (!mayBeAskedAgain) this.#failed.push(asked)
  }

  /** Backends that are not asked again, and this one. */
  and(backend: Backend): readonly Backend[] {
    return [...this.#tried, backend]
  }

  /** The request is answered, or given up: nothing is waited for any more. */
  end(): void {
    const { budget, queue, outage } = this.#forwarding
    budget.leave(this)
    queue.leave(this)
    outage.leave(this)
    this.#givePlace()
  }

  #givePlace(): void {
    if (!this.#hasPlace) return
    this.#hasPlace = false
    this.#forwarding.budget.give()
  }

  onBudget(hasPlace: boolean): void {
    this.#hasPlace = hasPlace
    if (hasPlace || this.needsNoPlace) this.#go()
    else this.#owner.onNoMoreTries(this.#fault!.failure)
  }

  takeTurn(): boolean {
    const { queue, outage, sessions } = this.#forwarding
    const tried = this.#tried
    const next = this.#select()
    if (!next) {
      // The backend of its session may be back meanwhile, and full, while others have room.
      if (this.takesAny && sessions?.backendOf(this.#req)) this.takesAny = false
      return false
    }
    // Before anything that may fail at once, and serve the queue again.
    queue.leave(this)
    outage.leave(this)
    next.acquire()
    tried.at(-1)?.counters.addTotal(BackendCell.retries, 1)
    this.#owner.attemptAt(next)
    return true
  }

  #select(): Backend | undefined {
    const { selector, sessions, retries } = this.#forwarding
    const tried = this.#tried
    const failed = this.#failed
    if (failed.length === tried.length) return selector.select(this.#req, tried)
    // A session goes back to its backend once, while another try is left should that be gone.
    const isKept =
      tried.length === 1 && this.#retries < retries && sessions?.backendOf(this.#req) === tried[0]
    return (
      (isKept ? selector.select(this.#req) : undefined) ??
      selector.select(this.#req, tried) ??
      selector.select(this.#req, failed)
    )
  }

  takeReturn(): boolean {
    const { selector, outage } = this.#forwarding
    const fault = this.#fault
    if (fault?.connectionLost) {
      // Every backend may have ended at once, or it is the request itself that ends them: that soon shows.
      const { pulseMs, eligibleCount } = this.#forwarding.registry
      if (pulseMs - this.#doubtedMs < DOUBT_MS) return false
      if (eligibleCount > 1) {
        outage.leave(this)
        this.#owner.onNoMoreTries(fault.failure)
        return true
      }
    }
    if (this.takeTurn()) return true
    if (!selector.canWait()) return false
    // What is back is full, or the backend of its session is: others may still find room.
    outage.leave(this)
    this.#enqueue()
    return true
  }

  onQueueTimeout(): void {
    // What waited to be tried again fails as it did, and is counted so.
    if (!this.#fault) this.#forwarding.registry.counters.addTotal(BalancerCell.rejectedQueueTimeout, 1)
    this.#owner.onNoMoreTries(this.#fault?.failure ?? QUEUE_TIMEOUT)
  }

  onOutageTimeout(): void {
    this.#owner.onNoMoreTries(NO_BACKEND)
  }

  #go(): void {
    if (this.takeTurn()) return
    const { selector, queue } = this.#forwarding
    if (selector.canWait(this.#failed) && !queue.isFull) this.#enqueue()
    else if (!this.#waitForReturn()) this.#owner.onNoMoreTries(this.#fault!.failure)
  }

  /** Waits until a backend can be used, and begins anew, if that may be. */
  #waitForReturn(): boolean {
    const { outage, registry } = this.#forwarding
    if (this.#fault?.connectionLost) {
      // What breaks connections again and again is not given to one backend after another.
      if (this.#doubtedMs >= 0) return false
      this.#doubtedMs = registry.pulseMs
    }
    if (this.strandedMs < 0) this.strandedMs = registry.pulseMs
    if (!outage.takes(this.strandedMs, registry.pulseMs)) return false
    this.#tried.length = this.#failed.length = this.#retries = 0
    this.#givePlace()
    outage.add(this)
    return true
  }
}

/** Whether a connection was lost that had carried other requests, as happens when a backend closes what was idle. */
function isStale({ connectionLost, streamReset }: AttemptFault, isReused: boolean): boolean {
  return isReused && connectionLost && !streamReset
}
