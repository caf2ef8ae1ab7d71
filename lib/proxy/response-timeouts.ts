const SWEEPS_PER_TIMEOUT = 20
const MAX_SWEEP_MS = 500
/** So long after its last use a timeout of some routes is forgotten: a reload may have changed it. */
const KEPT_MS = 60_000

/** The head of the response did not come in time. */
export class ResponseTimeout extends Error {
  readonly code = 'LB_RESPONSE_TIMEOUT'
}

/** Something that waits for a response. The links are the list's own, which sets `armedMs`. */
export interface Awaiting {
  /** Since when the backend has had all that there is of the request, on the clock of `performance.now()`. */
  lastMovedMs(nowMs: number): number
  onResponseTimeout(): void
  /** It has waited for a while, at this tick. */
  onLate(nowMs: number): void
  /** @internal */
  armedMs: number
  /** @internal */
  previous: Awaiting | undefined
  /** @internal */
  next: Awaiting | undefined
}

/**
 * One timeout for all that wait for a response head: a list in the order of arming, swept from its oldest end. undici's
 * timers are one object a request, which it keeps for half a second after they were cleared: work for the garbage
 * collector.
 */
export class ResponseTimeouts {
  readonly #timer: NodeJS.Timeout | undefined
  #oldest: Awaiting | undefined
  #newest: Awaiting | undefined
  /** Lists with other timeouts, by these. */
  readonly #others = new Map<number, ResponseTimeouts>()
  #usedMs = 0

  /** @param timeoutMs 0 for none */
  constructor(readonly timeoutMs: number) {
    if (timeoutMs === 0) return
    const everyMs = Math.min(Math.max(timeoutMs / SWEEPS_PER_TIMEOUT, 5), MAX_SWEEP_MS)
    this.#timer = setInterval(() => {
      const nowMs = performance.now()
      // What has arrived is read first: a process that was blocked would find everybody late.
      setImmediate(() => this.sweep(nowMs))
    }, everyMs)
    this.#timer.unref()
  }

  /** The list of those that wait for this long; it is notified and stopped with this one. */
  of(timeoutMs: number): ResponseTimeouts {
    if (timeoutMs === this.timeoutMs) return this
    let other = this.#others.get(timeoutMs)
    if (other) return other
    const nowMs = performance.now()
    for (const [ms, list] of this.#others) if (list.#isForgotten(nowMs)) this.#others.delete(ms)
    other = new ResponseTimeouts(timeoutMs)
    this.#others.set(timeoutMs, other)
    return other
  }

  /** Adds an item to the list by the time at which it was armed: mostly the newest, so mostly at the end. */
  add(item: Awaiting, armedMs: number): void {
    this.#usedMs = armedMs
    let previous = this.#newest
    while (previous && previous.armedMs > armedMs) previous = previous.previous
    const next = previous ? previous.next : this.#oldest
    item.armedMs = armedMs
    item.previous = previous
    item.next = next
    if (previous) previous.next = item
    else this.#oldest = item
    if (next) next.previous = item
    else this.#newest = item
  }

  /** Removes an item from the list, if it is on it. */
  remove(item: Awaiting): void {
    const { previous, next } = item
    if (previous) previous.next = next
    else if (this.#oldest === item) this.#oldest = next
    else return
    if (next) next.previous = previous
    else this.#newest = previous
    item.previous = item.next = undefined
  }

  /** Times out what has waited too long. What has moved since it was armed is armed again from then. */
  sweep(nowMs: number): void {
    if (this.timeoutMs === 0) return
    const limit = nowMs - this.timeoutMs
    for (let item = this.#oldest; item && item.armedMs <= limit; item = this.#oldest) {
      this.remove(item)
      const movedMs = item.lastMovedMs(nowMs)
      if (movedMs > limit) this.add(item, movedMs)
      else item.onResponseTimeout()
    }
  }

  /** Notifies those that have waited for `ageMs`, the oldest first. */
  notifyLate(nowMs: number, ageMs: number): void {
    for (const other of this.#others.values()) other.notifyLate(nowMs, ageMs)
    const limit = nowMs - ageMs
    // An item may leave the list when it is notified.
    for (let item = this.#oldest, next: Awaiting | undefined; item && item.armedMs <= limit; item = next) {
      next = item.next
      item.onLate(nowMs)
    }
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const other of this.#others.values()) other.stop()
  }

  /** Whether it has been out of use for long; it is stopped then. */
  #isForgotten(nowMs: number): boolean {
    if (this.#oldest || nowMs - this.#usedMs < KEPT_MS) return false
    this.stop()
    return true
  }
}
