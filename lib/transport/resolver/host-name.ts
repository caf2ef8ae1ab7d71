import type { LookupAddress } from 'node:dns'
import type { LookupQueue } from './lookup-queue.js'

/** Timeout of a look-up. It cannot be cancelled, and the name is not looked up again before it ends. */
const TIMEOUT_MS = 5000
/** Minimal time between two look-ups after a failed connection. */
const MIN_PERIOD_MS = 1000
/** The largest share that is deducted from a period, so that names are not always looked up together. */
const JITTER = 0.1

/** Looks up the addresses of a name. */
export type Lookup = (
  hostname: string,
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void
) => void

type LookupCallback = (error: Error | null, addresses: readonly LookupAddress[]) => void

/** The events of a name. */
export interface HostNameCallbacks {
  /** Its addresses have changed; not called for the first answer. */
  onChanged(name: HostName, before: readonly LookupAddress[]): void
  /** A look-up failed, after one that had not. */
  onFailing(name: HostName, error: Error): void
  /** A look-up succeeded, after one that had failed. */
  onRecovered(name: HostName): void
  /** A look-up has ended. */
  onLookup(isAnswered: boolean): void
}

/** The system's resolver did not answer in time. */
export class LookupTimeout extends Error {
  readonly code = 'LB_LOOKUP_TIMEOUT'
}

/** The system's resolver returned no address and no error. */
class NoAddress extends Error {
  readonly code = 'ENOTFOUND'
}

/** What the names of a resolver share. */
export interface HostNameOptions {
  readonly lookup: Lookup
  readonly queue: LookupQueue
  readonly callbacks: HostNameCallbacks
}

/**
 * A host name and its addresses, which are looked up periodically, never twice at once. An answer is used until the next
 * one, even if look-ups fail.
 */
export class HostName {
  /** In the order in which they are tried. */
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

  /**
   * Starts the periodic look-ups.
   * @param periodMs between two of them; 0: none after the first answer
   */
  start(periodMs: number): void {
    this.#periodMs = periodMs
    if (this.#isRunning) return
    if (this.addresses.length > 0) this.#scheduleNext()
    else this.#refresh()
  }

  /** Stops the look-ups. Only the waiting callers get the result of one that is running. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** Calls back with the known addresses or, without any, with the result of a look-up. */
  lookup(done: LookupCallback): void {
    if (this.addresses.length > 0) process.nextTick(done, null, this.addresses)
    else if (this.#isOverdue) process.nextTick(done, this.fault, [])
    else {
      this.#waiting.push(done)
      if (!this.#isRunning) this.#lookUp()
    }
  }

  /** A connection to this address was established: it is tried first from now on. */
  prefer(address: string): void {
    if (this.addresses.length < 2 || this.addresses[0]!.address === address) return
    const preferred = this.addresses.filter((each) => each.address === address)
    if (preferred.length > 0)
      this.addresses = [...preferred, ...this.addresses.filter((each) => each.address !== address)]
  }

  /** A connection failed: the addresses may have changed. Looks the name up soon, unless that is disabled. */
  refreshSoon(): void {
    if (this.#periodMs === 0 || this.#isRunning) return
    const delayMs = Math.max(0, this.#startMs + MIN_PERIOD_MS - performance.now())
    if (performance.now() + delayMs < this.#dueMs) this.#schedule(delayMs)
  }

  /** @param ended called when the next look-up in the queue may start */
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

  /** The period is at least as long as the latest look-up took. */
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
