import type { LookupAddress } from 'node:dns'
import type { LookupQueue } from './lookup-queue.js'

/** After so long a look-up counts as failed. It cannot be ended, and no other is made of that name before its end. */
const TIMEOUT_MS = 5000
/** Between two look-ups, where something hints that the answer has changed. */
const SOON_MS = 1000
/** What is left out of a period at the most, so that names that were asked for together are not for ever. */
const JITTER = 0.1

/** Asks the system for the addresses of a name. */
export type Lookup = (
  hostname: string,
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void
) => void

type LookupCallback = (error: Error | null, addresses: readonly LookupAddress[]) => void

/** What a name tells those who keep it. */
export interface HostNameCallbacks {
  /** Its addresses are others than before, which it had. */
  onChanged(name: HostName, before: readonly LookupAddress[]): void
  /** The latest look-up failed, and the one before had not. */
  onFailing(name: HostName, error: Error): void
  /** A look-up was answered, after one that had failed. */
  onRecovered(name: HostName): void
  /** A look-up has ended. */
  onLookup(isAnswered: boolean): void
}

/** The system's resolver gave no answer in time. */
export class LookupTimeout extends Error {
  readonly code = 'LB_LOOKUP_TIMEOUT'
}

/** It has no address for that name, and no error either. */
class NoAddress extends Error {
  readonly code = 'ENOTFOUND'
}

export interface HostNameOptions {
  readonly lookup: Lookup
  readonly queue: LookupQueue
  readonly callbacks: HostNameCallbacks
}

/**
 * A name of backends and its addresses, which are asked for again and again, never twice at once. The latest answer holds
 * for as long as there is no other.
 */
export class HostName {
  /** The one to be tried first is the first. */
  addresses: readonly LookupAddress[] = []
  /** Why the latest look-up failed, if it did. */
  fault: Error | undefined
  readonly #options: HostNameOptions
  readonly #waiting: LookupCallback[] = []
  #periodMs = 0
  #timer: NodeJS.Timeout | undefined
  #dueMs = Number.POSITIVE_INFINITY
  #startMs = Number.NEGATIVE_INFINITY
  #isRunning = false
  #isOverdue = false
  #isStopped = false

  constructor(
    readonly hostname: string,
    options: HostNameOptions
  ) {
    this.#options = options
  }

  /** Asks when its turn has come, if nobody has yet, and then every `periodMs`; with 0 never again once there is an answer. */
  start(periodMs: number): void {
    this.#periodMs = periodMs
    if (this.#isRunning) return
    if (this.addresses.length > 0) this.#scheduleNext()
    else this.#refresh()
  }

  /** Ends it. A look-up under way ends unheard by all but those that wait for it. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** Calls back with the addresses that are known, or as soon as some are, or with why there are none. */
  lookup(done: LookupCallback): void {
    if (this.addresses.length > 0) process.nextTick(done, null, this.addresses)
    else if (this.#isOverdue) process.nextTick(done, this.fault, [])
    else {
      this.#waiting.push(done)
      if (!this.#isRunning) this.#lookUp()
    }
  }

  /** A connection to this address stands: it is tried first from now on. */
  prefer(address: string): void {
    if (this.addresses.length < 2 || this.addresses[0]!.address === address) return
    const preferred = this.addresses.filter((each) => each.address === address)
    if (preferred.length > 0)
      this.addresses = [...preferred, ...this.addresses.filter((each) => each.address !== address)]
  }

  /** No connection came about: there may be other addresses by now. Asks again soon, unless it never does. */
  refreshSoon(): void {
    if (this.#periodMs === 0 || this.#isRunning) return
    const delayMs = Math.max(0, this.#startMs + SOON_MS - performance.now())
    if (performance.now() + delayMs < this.#dueMs) this.#schedule(delayMs)
  }

  /** @param ended called when the next one may be made */
  #lookUp(ended = () => {}): void {
    this.#isRunning = true
    this.#startMs = performance.now()
    clearTimeout(this.#timer)
    const overdue = setTimeout(() => {
      this.#isOverdue = true
      this.#onFailure(new LookupTimeout())
    }, TIMEOUT_MS).unref()
    this.#options.lookup(this.hostname, (error, addresses) => {
      clearTimeout(overdue)
      this.#isRunning = this.#isOverdue = false
      ended()
      if (error) this.#onFailure(error)
      else if (addresses.length === 0) this.#onFailure(new NoAddress())
      else this.#onAnswer(addresses)
      this.#scheduleNext()
    })
  }

  #onAnswer(answer: readonly LookupAddress[]): void {
    const before = this.addresses
    const kept = before.filter((each) => includes(answer, each))
    const added = answer.filter((each) => !includes(before, each))
    this.addresses = [...kept, ...added]
    const hadFailed = this.fault !== undefined
    this.fault = undefined
    for (const done of this.#waiting.splice(0)) done(null, this.addresses)
    if (this.#isStopped) return
    const { callbacks } = this.#options
    callbacks.onLookup(true)
    if (hadFailed) callbacks.onRecovered(this)
    if (before.length > 0 && (added.length > 0 || kept.length < before.length))
      callbacks.onChanged(this, before)
  }

  #onFailure(error: Error): void {
    const hadFailed = this.fault !== undefined
    this.fault = error
    for (const done of this.#waiting.splice(0)) done(error, [])
    if (this.#isStopped) return
    this.#options.callbacks.onLookup(false)
    if (!hadFailed) this.#options.callbacks.onFailing(this, error)
  }

  /** A slow answer is asked for less often. */
  #scheduleNext(): void {
    const tookMs = performance.now() - this.#startMs
    if (this.#periodMs > 0) this.#schedule(Math.max(this.#periodMs, tookMs) * (1 - JITTER * Math.random()))
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return
    clearTimeout(this.#timer)
    this.#dueMs = performance.now() + delayMs
    this.#timer = setTimeout(() => this.#refresh(), delayMs).unref()
  }

  #refresh(): void {
    this.#dueMs = Number.NEGATIVE_INFINITY
    this.#options.queue.run((ended) => {
      if (this.#isStopped || this.#isRunning) ended()
      else this.#lookUp(ended)
    })
  }
}

function includes(addresses: readonly LookupAddress[], { address }: LookupAddress): boolean {
  return addresses.some((each) => each.address === address)
}
