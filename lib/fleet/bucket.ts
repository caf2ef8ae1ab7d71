import type { RateLimitConfig } from '../listener/access/options.js'

/** A limit of each client. */
export interface Limit {
  /** Tokens a millisecond. */
  readonly rate: number
  /** Tokens of a full bucket. */
  readonly size: number
}

/** Of what a bucket holds, this may pass at a balancer that does not know yet what passes at the others. */
const UNKNOWN_SHARE = 0.05
/** After so long without an answer about a client, nothing is known of it. */
const KNOWN_MS = 1000
/** Tolerance for rounding errors. */
const SLACK = 1e-6

export const limitOf = ({ count, windowS, burst }: RateLimitConfig): Limit => ({
  rate: count / (windowS * 1000),
  size: burst
})

/** What the store is told of the requests of a client, each counted from the start. */
export interface Counts {
  readonly passed: number
  readonly asked: number
}

/**
 * The part of a client's bucket that is this balancer's: it fills at the balancer's share of the rate, and is corrected by
 * what the store says is left of the whole.
 */
export class Bucket {
  readonly limit: Limit
  /** Requests that have passed, and all that came. */
  passed = 0
  asked = 0
  /** Of these, what the store has noted. */
  noted: Counts = { passed: 0, asked: 0 }
  #tokens: number
  #share: number
  #atMs: number
  #answeredMs = Number.NEGATIVE_INFINITY

  /** @param balancers how many there are */
  constructor(limit: Limit, balancers: number, nowMs: number) {
    this.limit = limit
    this.#share = 1 / balancers
    this.#tokens = unknownTokens(limit, balancers)
    this.#atMs = nowMs
  }

  /**
   * Takes a token for a request. Returns 0 or, if there is none, the milliseconds until there will be.
   * @param isAlone whether the store does not answer: then the balancer's share is all that is known
   */
  take(nowMs: number, balancers: number, isAlone: boolean): number {
    const { rate, size } = this.limit
    const perMs = rate * this.#share
    this.#tokens = Math.min(
      Math.max(1, size * this.#share),
      this.#tokens + Math.max(0, nowMs - this.#atMs) * perMs
    )
    this.#atMs = nowMs
    if (!isAlone && this.isUnknown(nowMs))
      this.#tokens = Math.min(this.#tokens, unknownTokens(this.limit, balancers))
    this.asked++
    if (this.#tokens < 1 - SLACK) return (1 - this.#tokens) / perMs
    this.#tokens--
    this.passed++
    return 0
  }

  /**
   * The store has answered.
   * @param told what it had been told
   * @param left tokens in the whole bucket, which may be less than none
   * @param share of them that is this balancer's
   */
  answer(told: Counts, left: number, share: number, nowMs: number): void {
    this.noted = told
    this.#share = share
    // One request may pass wherever it comes, if the whole bucket has room for it.
    this.#tokens = Math.max(left * share, Math.min(left, 1)) - (this.passed - told.passed)
    this.#atMs = nowMs
    this.#answeredMs = nowMs
  }

  /** Whether too much may have passed elsewhere since the store said what is left. */
  isUnknown(nowMs: number): boolean {
    return nowMs - this.#answeredMs > KNOWN_MS
  }

  /** Whether there is something to tell the store. */
  get isNews(): boolean {
    return this.asked > this.noted.asked
  }

  get counts(): Counts {
    return { passed: this.passed, asked: this.asked }
  }
}

/** What may pass before it is known what passes elsewhere. */
function unknownTokens({ size }: Limit, balancers: number): number {
  return balancers <= 1 ? size : Math.max(1, Math.floor((UNKNOWN_SHARE * size) / (balancers - 1)))
}
