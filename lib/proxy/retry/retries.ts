import type { IncomingMessage } from 'node:http'
import type { Backend } from '../../pool/backend.js'
import { BackendCell, BalancerCell } from '../../pool/counters.js'
import type { OutgoingRequest } from '../../transport/backend-stream.js'
import { type AttemptFault, type Failure, NO_BACKEND, QUEUE_TIMEOUT } from '../failure.js'
import type { Forwarding } from '../forwarding.js'
import { AskedBackends } from './asked-backends.js'
import type { Stranded } from './outage.js'
import { isRepeatable, isStale, mayTryAgain } from './retry.js'
import type { BudgetWaiter } from './retry-budget.js'
import { lastAnsweredMs, Refusals } from './unprocessed.js'
import type { Queued } from './waiting-queue.js'

/** Who makes the attempts. */
export interface TryOwner {
  /** Makes an attempt at a backend, on which a slot has been taken for it. */
  attemptAt(backend: Backend): void
  /** There will be no attempt more. */
  onNoMoreTries(failure: Failure): void
}

/** Time in which it shows whether backends have ended that broke connections: between one tick and two. */
const DOUBT_MS = 75

/** The tries of one request that do not begin at once: those after the first, and any that waits for a place. */
export class Tries implements BudgetWaiter, Queued, Stranded {
  readonly #owner: TryOwner
  readonly #forwarding: Forwarding
  readonly #req: IncomingMessage
  readonly #request: OutgoingRequest
  readonly #asked: AskedBackends
  #retries = 0
  /** Once a backend has not looked at it. */
  #refusals: Refusals | undefined
  /** While it waits before it is tried again. */
  #timer: NodeJS.Timeout | undefined
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
    this.#asked = new AskedBackends(forwarding, req)
  }

  /** Waits for a backend: one with room or, while none can be used, any. */
  begin(): void {
    if (this.#forwarding.selector.canWait()) this.#enqueue()
    else if (!this.#waitForReturn()) this.#owner.onNoMoreTries(NO_BACKEND)
  }

  #enqueue(): void {
    const { queue, registry, sessions } = this.#forwarding
    this.takesAny = this.#asked.isEmpty && !sessions?.backendOf(this.#req)
    queue.add(this, registry.tickMs)
  }

  /**
   * An attempt has failed. Returns whether there will be another, now or in a moment.
   * @param sent whether the request was written to a connection
   * @param isReused whether that had carried requests before
   */
  afterFault(failed: Backend, fault: AttemptFault, sent: boolean, isReused: boolean): boolean {
    const { retries } = this.#forwarding
    if (!mayTryAgain(this.#request, fault, sent)) return false
    this.#fault = fault
    if (fault.unprocessed) return this.#afterRefusal(failed)
    const { unreachable, connectionLost } = fault
    // What was lost as its connection was being closed says nothing of the next one, which is new.
    this.needsNoPlace = isStale(fault, isReused)
    if (this.needsNoPlace) this.needsNewConnection = true
    else if (this.#retries < retries) this.#retries++
    else return (unreachable || connectionLost) && this.#waitForReturn()
    this.#asked.add(failed, isReused && connectionLost)
    // A backend that could not be reached has done nothing yet, so that trying another makes no load.
    this.#retry(!sent && !this.#wasGiven)
    return true
  }

  /** A backend has not looked at it: another is asked at once, or soon the same over another connection. */
  #afterRefusal(failed: Backend): boolean {
    this.#asked.add(failed, true)
    this.#refusals ??= new Refusals()
    const nowMs = performance.now()
    const delayMs = this.#refusals.next(nowMs, lastAnsweredMs(this.#forwarding.registry.backends, nowMs))
    if (delayMs < 0) return this.#waitForReturn()
    this.needsNoPlace = true
    if (delayMs === 0 || this.#asked.other()) this.#retry(!this.#wasGiven)
    else this.#timer = setTimeout(() => this.#retry(!this.#wasGiven), delayMs)
    return true
  }

  /** @param isFree whether it needs no place in the budget */
  #retry(isFree: boolean): void {
    const { budget, registry } = this.#forwarding
    if (isFree || this.#hasPlace) this.#go()
    else budget.wait(this, registry.tickMs)
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
    this.#asked.add(backend, false)
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
    this.#asked.add(failed, stale || (fault?.unprocessed ?? false))
    this.#wasGiven = true
  }

  /** Backends that are not asked again, and this one. */
  and(backend: Backend): readonly Backend[] {
    return this.#asked.and(backend)
  }

  /** The request is answered, or given up: nothing is waited for any more. */
  end(): void {
    const { budget, queue, outage } = this.#forwarding
    budget.leave(this)
    queue.leave(this)
    outage.leave(this)
    clearTimeout(this.#timer)
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
    const { retries, sessions, queue, outage } = this.#forwarding
    // While another try is left should the backend of its session be gone.
    const next = this.#asked.next(this.#retries < retries || this.#fault?.unprocessed === true)
    if (!next) {
      // The backend of its session may be back meanwhile, and full, while others have room.
      if (this.takesAny && sessions?.backendOf(this.#req)) this.takesAny = false
      return false
    }
    // Before anything that may fail at once, and serve the queue again.
    queue.leave(this)
    outage.leave(this)
    next.acquire()
    const before = this.#asked.latest?.counters
    before?.addTotal(BackendCell.retries, 1)
    if (this.#fault?.unprocessed) before?.addTotal(BackendCell.unprocessedRetries, 1)
    this.#owner.attemptAt(next)
    return true
  }

  takeReturn(): boolean {
    const { selector, outage } = this.#forwarding
    const fault = this.#fault
    if (fault?.connectionLost) {
      // Every backend may have ended at once, or it is the request itself that ends them: that soon shows.
      const { tickMs, eligibleCount } = this.#forwarding.registry
      if (tickMs - this.#doubtedMs < DOUBT_MS) return false
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
    if (this.#asked.canWait() && !this.#forwarding.queue.isFull) this.#enqueue()
    else if (!this.#waitForReturn()) this.#owner.onNoMoreTries(this.#fault!.failure)
  }

  /** Waits until a backend can be used, and begins anew, if that may be. */
  #waitForReturn(): boolean {
    const { outage, registry } = this.#forwarding
    if (this.#fault?.connectionLost) {
      // What breaks connections again and again is not given to one backend after another.
      if (this.#doubtedMs >= 0) return false
      this.#doubtedMs = registry.tickMs
    }
    if (this.strandedMs < 0) this.strandedMs = registry.tickMs
    if (!outage.takes(this.strandedMs, registry.tickMs)) return false
    this.#asked.clear()
    this.#retries = 0
    this.#givePlace()
    outage.add(this)
    return true
  }
}
