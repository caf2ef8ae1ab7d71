import type { Threads } from '../../base/cells/rows.js'

/** A client has its bucket in one of the places of a set, which its hash tells: two cache lines. */
const PLACES = 8
const SETS = 32_768
/** What a place has: a cell each, and those of all places of a set side by side. */
const FULL = 0
const LOW = PLACES
const HIGH = 2 * PLACES
const EXPIRY = 3 * PLACES
const SET_CELLS = 4 * PLACES

/** Times of full buckets wrap. A negative one means that the place is a thread's, which enters a client there. */
const SPAN = 2 ** 31
const MASK = SPAN - 1
const entering = (thread: number) => -2 * thread - 1
/** Another thread has entered the same client. */
const isRefused = (full: number) => full < 0 && (full & 1) === 0
const refused = (full: number) => full - 1

/** Expiries are in these. They wrap after two years. */
const TICK_MS = 16
/** What the clocks of threads, and the ends of their pauses, may differ by. */
const SKEW_TICKS = 2 ** 16
const MAX_TICKS = 2 ** 30
/** How often a thread tries while others change the same places in the same moments. */
const TRIES = 100

/** The largest time in which a bucket fills, in its units: the wrapped times around now are told apart. */
const MAX_FILL = 2 ** 29
const MIN_COST = 64
const UNITS_PER_MS = 1000
/** Tolerance for rounding errors: a share of the time for one request, and its upper bound. */
const SLACK = 0.01
const MAX_SLACK_MS = 1

/** A kind of bucket: times in units of its own, as rates are from one an hour to a million a second. */
export interface Bucket {
  readonly unitMs: number
  /** Time in which one token is added. */
  readonly cost: number
  /** How far in the future the time of the full bucket may be for a request to be allowed. */
  readonly ahead: number
  /** After so long without a request it is full. */
  readonly fillTicks: number
}

/** @param costMs in which one token is added */
export function bucketOf(costMs: number, burst: number): Bucket {
  const cost = Math.min(
    Math.max(Math.ceil(costMs * UNITS_PER_MS), MIN_COST),
    Math.max(Math.floor(MAX_FILL / burst), 1)
  )
  const unitMs = costMs / cost
  const slack = Math.max(Math.floor(Math.min(SLACK * costMs, MAX_SLACK_MS) / unitMs), 1)
  const fillTicks = Math.min(Math.ceil((burst * costMs) / TICK_MS) + 1, MAX_TICKS)
  return { unitMs, cost, ahead: (burst - 1) * cost + slack, fillTicks }
}

/** The cells of a table. */
export const bucketTableCells = (sets = SETS) => sets * SET_CELLS

/**
 * The token buckets of clients, stored as the times at which they will be full (as in GCRA), for any number of threads.
 * A place whose time has come is free. If a set has none, the bucket goes that will be full first: clients that keep sending
 * are forgotten last.
 *
 * A time changes by a single operation, or not at all, so no token is taken twice. To enter a client a thread makes a place
 * its own, writes the hash there, and looks for the same client in the other places of the set: of two that enter it at
 * once, at least one sees the other, and refuses it. Each gives its place back then, and looks again.
 */
export class BucketTable {
  readonly #threads: Threads
  readonly #cells: Int32Array
  readonly #lastSet: number
  /** The time that was read of the place that was found last. */
  #full = 0

  /** @param cells of zeros at first, of a number of sets that is a power of two */
  constructor(threads: Threads, cells: Int32Array) {
    this.#threads = threads
    this.#cells = cells
    this.#lastSet = cells.length / SET_CELLS - 1
  }

  /**
   * Takes a token of a client. Returns 0 or, if there is none, the milliseconds until there will be.
   * @param low of the hash, not 0
   * @param nowMs of a monotonic clock that all threads have in common
   */
  take(low: number, high: number, bucket: Bucket, nowMs: number, tries = TRIES): number {
    const units = Math.floor(nowMs / bucket.unitMs)
    const now = units - Math.floor(units / SPAN) * SPAN
    const tick = Math.floor(nowMs / TICK_MS) | 0
    for (let left = tries; left > 0; left--) {
      const place = this.#find(low, high)
      const expiry = place === -1 ? tick : Atomics.load(this.#cells, place + EXPIRY)
      if ((expiry - tick - 1) >>> 0 >= bucket.fillTicks + SKEW_TICKS) {
        if (this.#enter(low, high, place, bucket, now, tick)) return 0
      } else {
        const waitMs = this.#spend(place, expiry, bucket, now, tick)
        if (waitMs >= 0) return waitMs
      }
    }
    return bucket.cost * bucket.unitMs
  }

  /** To be called when a thread has ended: frees the place where it was about to enter a client. */
  clearThread(thread: number): void {
    const own = entering(thread)
    for (let set = 0; set < this.#cells.length; set += SET_CELLS)
      for (let place = set; place < set + PLACES; place++) {
        const full = Atomics.load(this.#cells, place + FULL)
        if (full === own || full === refused(own)) this.#free(place)
      }
  }

  /** The place of a client, with its time in `#full`; -1 if it has none. */
  #find(low: number, high: number): number {
    const cells = this.#cells
    const set = (low & this.#lastSet) * SET_CELLS
    for (let i = 0; i < PLACES; i++) {
      const place = set + ((high + i) & (PLACES - 1))
      if (Atomics.load(cells, place + LOW) !== low) continue
      // Before the rest of the hash: until it changes, it is the time of this client.
      const full = Atomics.load(cells, place + FULL)
      if (full < 0 || Atomics.load(cells, place + HIGH) !== high) continue
      this.#full = full
      return place
    }
    return -1
  }

  /** Takes a token from the bucket that was found. Returns -1 if it is another by now. */
  #spend(place: number, expiry: number, bucket: Bucket, now: number, tick: number): number {
    const cells = this.#cells
    const full = this.#full
    // Also of a client that is rejected: it must not be forgotten while it keeps sending. And before it has the token.
    const next = (tick + bucket.fillTicks) | 0
    if (((next - expiry) | 0) > 0) Atomics.compareExchange(cells, place + EXPIRY, expiry, next)
    const ahead = Math.max(((full - now) << 1) >> 1, 0)
    const wait = ahead - bucket.ahead
    if (wait > 0) return Atomics.load(cells, place + FULL) === full ? (wait + 1) * bucket.unitMs : -1
    const taken = (now + ahead + bucket.cost) & MASK
    return Atomics.compareExchange(cells, place + FULL, full, taken) === full ? 0 : -1
  }

  /**
   * Enters a client whose bucket is full but for the token that it takes now.
   * @param expired its place until now, of which the time is in `#full`; -1 if it has none
   * @returns false if another thread was first
   */
  #enter(low: number, high: number, expired: number, bucket: Bucket, now: number, tick: number): boolean {
    const cells = this.#cells
    const place = expired === -1 ? this.#replaceable(low, high, tick) : expired
    if (place === -1) return false
    const own = entering(this.#threads.own)
    const full = this.#full
    if (Atomics.compareExchange(cells, place + FULL, full, own) !== full) return false
    Atomics.store(cells, place + LOW, low)
    Atomics.store(cells, place + HIGH, high)
    Atomics.store(cells, place + EXPIRY, (tick + bucket.fillTicks) | 0)
    const taken = (now + bucket.cost) & MASK
    if (
      !this.#isElsewhere(low, high, place) &&
      Atomics.compareExchange(cells, place + FULL, own, taken) === own
    )
      return true
    this.#free(place)
    return false
  }

  /** A place that is free, or will be first, with its time in `#full`; -1 if other threads have all of them. */
  #replaceable(low: number, high: number, tick: number): number {
    const cells = this.#cells
    const set = (low & this.#lastSet) * SET_CELLS
    let first = -1
    let firstTicks = 0
    for (let i = 0; i < PLACES; i++) {
      const place = set + ((high + i) & (PLACES - 1))
      // Before the expiry: until it changes, that is not put off.
      const full = Atomics.load(cells, place + FULL)
      if (full < 0) continue
      const ticks = (Atomics.load(cells, place + EXPIRY) - tick) | 0
      if (first !== -1 && ticks >= firstTicks) continue
      this.#full = full
      first = place
      firstTicks = ticks
      if (ticks <= 0) break
    }
    return first
  }

  /** Whether a client has another place than this. Threads that are about to give it one are refused. */
  #isElsewhere(low: number, high: number, own: number): boolean {
    const cells = this.#cells
    const set = own - (own % SET_CELLS)
    for (let place = set; place < set + PLACES; place++) {
      if (place === own) continue
      if (Atomics.load(cells, place + LOW) !== low || Atomics.load(cells, place + HIGH) !== high) continue
      for (;;) {
        const full = Atomics.load(cells, place + FULL)
        if (full >= 0) return true
        if (isRefused(full)) break
        if (Atomics.compareExchange(cells, place + FULL, full, refused(full)) === full) break
      }
    }
    return false
  }

  /** Frees a place that is this thread's, or that of one which has ended. */
  #free(place: number): void {
    Atomics.store(this.#cells, place + LOW, 0)
    Atomics.store(this.#cells, place + EXPIRY, 0)
    Atomics.store(this.#cells, place + FULL, 0)
  }
}
