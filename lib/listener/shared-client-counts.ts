import type { Threads } from '../base/cells/rows.js'
import { KeyedHash } from '../base/keyed-hash.js'
import type { ClientCounts } from './client-counts.js'

/** The bits of a word with the count; those above are of the client's hash. */
const COUNT_BITS = 20n
const COUNT = (1n << COUNT_BITS) - 1n
/** Of the second word of a hash, what is beside the first one in a word of the table. */
const HIGH_BITS = 11
/** How often a thread tries while others step back in the same moments as it does. */
const TRIES = 100

interface OwnCount {
  readonly key: bigint
  readonly index: number
  count: number
}

/** Words in the table of a thread: at most half of them are taken, and one tells how far from home clients lie. */
const tableWords = (clients: number) => 2 ** Math.ceil(Math.log2(2 * clients)) + 1

/** The cells that the counts take. @param clients that one thread may count at once */
export const clientCountsCells = ({ count }: Threads, clients: number) => count * tableWords(clients) * 2

/**
 * The counts of several threads, of which the sum is limited. Each thread has a table that it alone writes, with a word for
 * each client: so a word changes as a whole, and a thread may end after any step. As with slots, a thread adds first and
 * sums then: of those that hold something at any time, the last to add has seen all others.
 */
export class SharedClientCounts implements ClientCounts {
  readonly #words: BigInt64Array
  readonly #threads: Threads
  readonly #size: number
  readonly #hash: KeyedHash
  /** What this thread has in its table. */
  readonly #own = new Map<string, OwnCount>()
  /** How far from its home a client lies at most. */
  #reach = 0

  /**
   * @param cells of zeros at first, `clientCountsCells` of them
   * @param secret of all threads: clients cannot choose where they lie
   */
  constructor(threads: Threads, cells: Int32Array, secret: string) {
    this.#words = new BigInt64Array(cells.buffer, cells.byteOffset, cells.length / 2)
    this.#threads = threads
    this.#size = this.#words.length / threads.count - 1
    this.#hash = new KeyedHash(secret)
  }

  acquire(client: string, limit: number, tries = TRIES): boolean {
    const own = this.#own.get(client) ?? this.#enter(client)
    if (!own) return false
    for (let left = tries; left > 0; left--) {
      this.#set(own, own.count + 1)
      if (this.#sum(own.key) <= limit) return true
      this.#set(own, own.count - 1)
      if (this.#sum(own.key) >= limit) break
    }
    if (own.count === 0) this.#leave(client, own)
    return false
  }

  release(client: string): void {
    const own = this.#own.get(client)!
    this.#set(own, own.count - 1)
    if (own.count === 0) this.#leave(client, own)
  }

  clearThread(thread: number): void {
    const start = this.#startOf(thread)
    for (let i = start; i <= start + this.#size; i++) Atomics.store(this.#words, i, 0n)
  }

  /** Finds a free word for a client; undefined if there is none. */
  #enter(client: string): OwnCount | undefined {
    const { low, high } = this.#hash.of(client)
    const key = (BigInt(high >>> (32 - HIGH_BITS)) << 32n) | BigInt(low >>> 0) || 1n
    const start = this.#startOf(this.#threads.own)
    for (let distance = 0; distance < this.#size; distance++) {
      const index = start + 1 + ((this.#homeOf(key) + distance) & (this.#size - 1))
      if (Atomics.load(this.#words, index) !== 0n) continue
      // Before the word is taken, so that nobody looks less far.
      if (distance > this.#reach) this.#setReach(distance)
      const own = { key, index, count: 0 }
      this.#own.set(client, own)
      return own
    }
    return undefined
  }

  #leave(client: string, { index }: OwnCount): void {
    Atomics.store(this.#words, index, 0n)
    this.#own.delete(client)
    if (this.#own.size === 0 && this.#reach > 0) this.#setReach(0)
  }

  #set(own: OwnCount, count: number): void {
    own.count = count
    Atomics.store(this.#words, own.index, (own.key << COUNT_BITS) | BigInt(count))
  }

  #setReach(distance: number): void {
    this.#reach = distance
    Atomics.store(this.#words, this.#startOf(this.#threads.own), BigInt(distance))
  }

  /** What all threads have counted for a client. */
  #sum(key: bigint): number {
    let sum = 0
    for (let thread = 0; thread < this.#threads.count; thread++) sum += this.#countOf(key, thread)
    return sum
  }

  #countOf(key: bigint, thread: number): number {
    const start = this.#startOf(thread)
    const home = this.#homeOf(key)
    const reach = Number(Atomics.load(this.#words, start))
    for (let distance = 0; distance <= reach; distance++) {
      const word = Atomics.load(this.#words, start + 1 + ((home + distance) & (this.#size - 1)))
      if (word >> COUNT_BITS === key) return Number(word & COUNT)
    }
    return 0
  }

  #startOf(thread: number): number {
    return thread * (this.#size + 1)
  }

  #homeOf(key: bigint): number {
    return Number(key & 0xffff_ffffn) & (this.#size - 1)
  }
}
