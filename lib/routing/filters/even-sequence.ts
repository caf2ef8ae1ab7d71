/** The fractional part of the golden ratio: its multiples are spread over [0, 1) as evenly as those of any number. */
const STEP = (Math.sqrt(5) - 1) / 2

/**
 * Numbers in [0, 1), evenly spread however few are taken, of which a share can be had by comparison. The sequence has no
 * period, so that what comes at regular intervals has its share as well.
 */
export class EvenSequence {
  #latest: number

  /** @param random where it begins, from 0 to 1, so that many processes do not go in step */
  constructor(random = Math.random) {
    this.#latest = random() % 1
  }

  next(): number {
    this.#latest = (this.#latest + STEP) % 1
    return this.#latest
  }
}
