import type { IncomingMessage } from 'node:http'
import type { Backend } from '../../pool/backend.js'
import { BackendCell, BalancerCell } from '../../pool/cells.js'
import type { OutgoingRequest } from '../../transport/backend-stream.js'
import { type AttemptFault, type Failure, NO_BACKEND, QUEUE_FULL, QUEUE_TIMEOUT } from '../failure.js'
import type { Forwarding } from '../forwarding.js'
import type { ForwardedBy } from '../request/forwarding-fields.js'
import type { AwaitingRecovery } from './recovery-queue.js'
import { lastAnsweredMs, RefusalBackoff } from './refusal-backoff.js'
import type { BudgetWaiter } from './retry-budget.js'
import { isReplayable, isRetryable, isStale } from './retry-conditions.js'
import { TriedBackends } from './tried-backends.js'
import type { Queued } from './waiting-queue.js'

/** Who makes the attempts. */
export interface RetriesOwner {
  readonly by: Pick<ForwardedBy, 'route'>
  /** Makes an attempt at a backend, on which a slot has been acquired for it. */
  attemptAt(backend: Backend): void
  /** There will be no further attempt. */
  fail(failure: Failure): void
}

/** So long after a lost connection it is known whether its backend has ended: more than one tick, less than two. */
const LOSS_SETTLES_MS = 75

/** Decides on the retries of one request, and on a first attempt that has to wait. */
export class Retries implements BudgetWaiter, Queued, AwaitingRecovery {
  readonly #owner: RetriesOwner
  readonly #forwarding: Forwarding
  readonly #req: IncomingMessage
  readonly #request: OutgoingRequest
  readonly #tried: TriedBackends
  /** Attempts after the first. */
  readonly #maxRetries: number
  #retries = 0
  /** Once a backend has refused the request unprocessed. */
  #backoff: RefusalBackoff | undefined
  /** Until the next attempt, after a refusal. */
  #timer: NodeJS.Timeout | undefined
  /** The latest fault was the connection's alone, as it seems: the retry counts towards no limit. */
  isExempt = false
  /** A connection was lost that had carried other requests: the backend may have been closing it, and others as well. */
  needsNewConnection = false
  /** The request was sent to a backend that has since been excluded. */
  #wasSent = false
  /** Of the latest attempt. */
  #fault: AttemptFault | undefined
  /** Whether any backend will do, while the request is queued. */
  acceptsAny = false
  waitingSinceMs = -1
  /** When a lost connection made it wait, to see whether the request breaks connections or the backends are gone. */
  #lossMs = -1
  /** A place in the retry budget is held. */
  #hasBudget = false

  constructor(owner: RetriesOwner, forwarding: Forwarding, req: IncomingMessage, request: OutgoingRequest) {
    this.#owner = owner
    this.#forwarding = forwarding
    this.#req = req
    this.#request = request
    this.#tried = new TriedBackends(forwarding, req)
    this.#maxRetries = owner.by.route?.retries ?? forwarding.retries
  }

  /** Waits for a backend with room or, while none is available, for any. */
  begin(): void {
    if (!this.#forwarding.selector.canWait()) {
      if (!this.#awaitRecovery()) this.#owner.fail(NO_BACKEND)
    } else if (!this.#enqueue()) {
      this.#forwarding.registry.counters.addTotal(BalancerCell.rejectedQueueFull, 1)
      this.#owner.fail(QUEUE_FULL)
    }
  }

  /** Returns whether there was a place in the queue, unless it has one. */
  #enqueue(hasPlace = false): boolean {
    const { queue, registry, sessions } = this.#forwarding
    this.acceptsAny = this.#tried.isEmpty && !sessions?.backendOf(this.#req)
    return queue.add(this, registry.tickMs, hasPlace)
  }

  /**
   * An attempt has failed. Returns whether there will be another, at once or later.
   * @param isSent whether the request was written to a connection
   * @param isReused whether that had carried requests before
   */
  afterFault(failed: Backend, fault: AttemptFault, isSent: boolean, isReused: boolean): boolean {
    if (!isRetryable(this.#request, fault, isSent)) return false
    this.#fault = fault
    if (fault.unprocessed) return this.#afterRefusal(failed)
    const { unreachable, connectionLost } = fault
    // The backend was closing an idle connection, which says nothing about the next one, as that is new.
    this.isExempt = isStale(fault, isReused)
    if (this.isExempt) this.needsNewConnection = true
    else if (this.#retries < this.#maxRetries) this.#retries++
    else return (unreachable || connectionLost) && this.#awaitRecovery()
    this.#tried.add(failed, isReused && connectionLost)
    // A backend that could not be reached has done nothing yet, so that trying another adds no load.
    this.#retry(!isSent && !this.#wasSent)
    return true
  }

  /** A backend refused it unprocessed: another is tried at once, or the same one soon over another connection. */
  #afterRefusal(failed: Backend): boolean {
    this.#tried.add(failed, true)
    this.#backoff ??= new RefusalBackoff()
    const nowMs = performance.now()
    const delayMs = this.#backoff.next(nowMs, lastAnsweredMs(this.#forwarding.registry.backends, nowMs))
    if (delayMs < 0) return this.#awaitRecovery()
    this.isExempt = true
    if (delayMs === 0 || this.#tried.other()) this.#retry(!this.#wasSent)
    else this.#timer = setTimeout(() => this.#retry(!this.#wasSent), delayMs)
    return true
  }

  /** @param isFree whether it needs no place in the budget */
  #retry(isFree: boolean): void {
    const { budget, registry } = this.#forwarding
    if (isFree || this.#hasBudget) this.#proceedOrWait()
    else budget.wait(this, registry.tickMs)
  }

  /**
   * Retries at another backend instead of taking a response, if that is possible at once.
   * @param cancel ends the attempt under way
   */
  insteadOf(backend: Backend, cancel: () => void): boolean {
    const { budget, selector } = this.#forwarding
    if (this.#retries >= this.#maxRetries || !isReplayable(this.#request)) return false
    const next = selector.select(this.#req, this.and(backend))
    if (!next || (!this.#hasBudget && !budget.acquire())) return false
    if (!next.acquire()) {
      if (!this.#hasBudget) budget.release()
      return false
    }
    this.#hasBudget = true
    this.#tried.add(backend, false)
    this.#retries++
    cancel()
    backend.counters.addTotal(BackendCell.retries, 1)
    this.#owner.attemptAt(next)
    return true
  }

  /** One of two attempts has failed while the other goes on: that is no retry, but its backend is not tried again. */
  exclude(failed: Backend, fault?: AttemptFault, isReused = false): void {
    const stale = fault !== undefined && isStale(fault, isReused)
    if (stale) this.needsNewConnection = true
    this.#tried.add(failed, stale || (fault?.unprocessed ?? false))
    this.#wasSent = true
  }

  /** Backends that were tried, and this one. */
  and(backend: Backend): readonly Backend[] {
    return this.#tried.and(backend)
  }

  /** The request is answered or given up: it waits for nothing. */
  end(): void {
    const { budget, queue, recovery } = this.#forwarding
    budget.remove(this)
    queue.remove(this)
    recovery.remove(this)
    clearTimeout(this.#timer)
    this.#releaseBudget()
  }

  #releaseBudget(): void {
    if (!this.#hasBudget) return
    this.#hasBudget = false
    this.#forwarding.budget.release()
  }

  onBudget(isAcquired: boolean): void {
    this.#hasBudget = isAcquired
    if (isAcquired || this.isExempt) this.#proceedOrWait()
    else this.#owner.fail(this.#fault!.failure)
  }

  proceed(): boolean {
    const { sessions, queue, recovery } = this.#forwarding
    // It may go back to the backend of its session only while a retry is left, should that be gone.
    const mayGoBack = this.#retries < this.#maxRetries || this.#fault?.unprocessed === true
    const next = this.#tried.acquireNext(mayGoBack)
    if (!next) {
      // The backend of its session may be back meanwhile, and full, while others have room.
      if (this.acceptsAny && sessions?.backendOf(this.#req)) this.acceptsAny = false
      return false
    }
    // Before anything that may fail at once, and serve the queue again.
    queue.remove(this)
    recovery.remove(this)
    const before = this.#tried.latest?.counters
    before?.addTotal(BackendCell.retries, 1)
    if (this.#fault?.unprocessed) before?.addTotal(BackendCell.unprocessedRetries, 1)
    this.#owner.attemptAt(next)
    return true
  }

  onRecovery(): boolean {
    const { selector, recovery } = this.#forwarding
    if (this.#fault?.connectionLost) {
      // Every backend may have ended at once, or it is the request itself that ends them: that soon shows.
      const { tickMs, eligibleCount } = this.#forwarding.registry
      if (tickMs - this.#lossMs < LOSS_SETTLES_MS) return false
      if (eligibleCount > 1) {
        recovery.remove(this)
        this.#owner.fail(this.#fault.failure)
        return true
      }
    }
    if (this.proceed()) return true
    if (!selector.canWait()) return false
    // What is back is full, or the backend of its session is: others may still find room.
    recovery.release(this)
    return this.#enqueue(true)
  }

  onQueueTimeout(): void {
    // A retry that waited fails as its attempt did, and is counted so.
    if (!this.#fault) this.#forwarding.registry.counters.addTotal(BalancerCell.rejectedQueueTimeout, 1)
    this.#owner.fail(this.#fault?.failure ?? QUEUE_TIMEOUT)
  }

  onRecoveryTimeout(): void {
    this.#owner.fail(NO_BACKEND)
  }

  #proceedOrWait(): void {
    if (this.proceed() || (this.#tried.canWait() && this.#enqueue()) || this.#awaitRecovery()) return
    this.#owner.fail(this.#fault!.failure)
  }

  /** Waits until a backend is available, with all backends and retries before it again, if that is allowed. */
  #awaitRecovery(): boolean {
    const { recovery, registry } = this.#forwarding
    if (this.#fault?.connectionLost) {
      // What breaks connections again and again is not sent to one backend after another.
      if (this.#lossMs >= 0) return false
      this.#lossMs = registry.tickMs
    }
    if (this.waitingSinceMs < 0) this.waitingSinceMs = registry.tickMs
    if (!recovery.accepts(this.waitingSinceMs, registry.tickMs) || !recovery.add(this)) return false
    this.#tried.clear()
    this.#retries = 0
    this.#releaseBudget()
    return true
  }
}
