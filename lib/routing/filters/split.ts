import type { IncomingMessage } from 'node:http'
import { hashText } from '../../balancing/rendezvous.js'
import type { Backend } from '../../pool/backend.js'
import { EvenSequence } from './even-sequence.js'

/** A pool of a split. */
export interface SplitPart<To> {
  readonly name: string
  /** Its share, in proportion to the others. With 0 it keeps its sessions, and gets no others. */
  readonly weight: number
  /** Finds the backend of a client's session, if clients are kept on the backends of this pool. */
  readonly sessions: { backendOf(req: IncomingMessage): Backend | undefined } | undefined
  readonly to: To
}

const SPAN = 2 ** 32

/**
 * Shares requests among pools by weight. After any number of requests each pool has had its share but for a few of them.
 * A client with a valid session goes to its pool, whatever the weights are.
 *
 * A pool without an available backend keeps its share: a release that is broken shows as such, instead of sending all of
 * its load to the others unseen.
 */
export class Split<To> {
  readonly #parts: readonly SplitPart<To>[]
  readonly #hasSessions: boolean
  readonly #totalWeight: number
  readonly #keyOf: ((req: IncomingMessage) => string) | undefined
  readonly #sequence: EvenSequence

  /**
   * @param parts one at least has a weight above 0
   * @param keyOf who is to stay with the pool that it came to first, as long as the weights stay; undefined to share
   * requests, whoever they come from
   */
  constructor(
    parts: readonly SplitPart<To>[],
    keyOf: ((req: IncomingMessage) => string) | undefined,
    sequence = new EvenSequence()
  ) {
    this.#parts = parts
    this.#hasSessions = parts.some(({ sessions }) => sessions)
    this.#totalWeight = parts.reduce((sum, { weight }) => sum + weight, 0)
    this.#keyOf = keyOf
    this.#sequence = sequence
  }

  /** The pool for a request. */
  choose(req: IncomingMessage): To {
    if (this.#hasSessions) for (const { sessions, to } of this.#parts) if (sessions?.backendOf(req)) return to
    return this.#keyOf ? this.#steady(this.#keyOf(req)) : this.#next()
  }

  #next(): To {
    let rest = this.#sequence.next() * this.#totalWeight
    let last: SplitPart<To> | undefined
    for (const part of this.#parts) {
      if (part.weight === 0) continue
      last = part
      rest -= part.weight
      if (rest < 0) break
    }
    return last!.to
  }

  /** By weighted rendezvous hashing: when a weight changes, no more clients move than have to. */
  #steady(key: string): To {
    let best: SplitPart<To> | undefined
    let bestScore = -1
    for (const part of this.#parts) {
      const uniform = (hashText(`${key} ${part.name}`) + 0.5) / SPAN
      const score = part.weight / -Math.log(uniform)
      if (part.weight === 0 || score <= bestScore) continue
      best = part
      bestScore = score
    }
    return best!.to
  }
}
