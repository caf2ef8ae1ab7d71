import type { Threads } from './rows.js'

/** A cache line in cells: no two threads write to one. */
const LINE_CELLS = 16
/** In the first line: the latest turn that was given out. */
const LATEST = 0
/** In the line of each thread: the turn of what has waited longest there, or 0; and how often the thread was woken. */
const OLDEST = 0
const WOKEN = 1
/** Comes before the first turn. */
const NOT_YET = -1

/** The cells that the turns of so many threads take. */
export const turnsCells = ({ count }: Threads) => (1 + count) * LINE_CELLS

/**
 * Whose turn it is, where requests of several threads wait for the same thing: theirs that came first. Whoever has given
 * something free wakes the thread whose request has waited longest; that takes what it can, and wakes the next one.
 *
 * A thread announces what waits there before it looks whether something is free, and one that gives something free does so
 * before it looks who waits: so one of them sees the other. No two threads take what waits there for the first at once.
 */
export class Turns {
  readonly #threads: Threads
  readonly #cells: Int32Array
  readonly #own: number

  /** @param cells of zeros at first, `turnsCells` of them */
  constructor(threads: Threads, cells: Int32Array) {
    this.#threads = threads
    this.#cells = cells
    this.#own = lineOf(threads.own)
  }

  /** A turn for what begins to wait, later than all that were taken before. */
  take(): number {
    if (Atomics.load(this.#cells, this.#own + OLDEST) !== 0) return this.#next()
    // Until it has a turn nobody is to take it for later than it will be.
    this.announce(Atomics.load(this.#cells, LATEST) || NOT_YET)
    const turn = this.#next()
    this.announce(turn)
    if (!this.isFirst(turn)) this.wakeFirst()
    return turn
  }

  /** Makes known the turn of what has waited longest in this thread; 0 for nothing. */
  announce(turn: number): void {
    Atomics.store(this.#cells, this.#own + OLDEST, turn)
  }

  /** Whether nothing waits in another thread that came before this turn. */
  isFirst(turn: number): boolean {
    for (let thread = 0; thread < this.#threads.count; thread++) {
      if (thread === this.#threads.own) continue
      const other = Atomics.load(this.#cells, lineOf(thread) + OLDEST)
      if (other !== 0 && isBefore(other, turn)) return false
    }
    return true
  }

  /**
   * Wakes the thread with what has waited longest, unless it is this one.
   * @param after only of what came after this turn
   */
  wakeFirst(after?: number): void {
    let first = 0
    let line = this.#own
    for (let thread = 0; thread < this.#threads.count; thread++) {
      const turn = Atomics.load(this.#cells, lineOf(thread) + OLDEST)
      if (turn === 0 || (after !== undefined && !isBefore(after, turn))) continue
      if (first !== 0 && !isBefore(turn, first)) continue
      first = turn
      line = lineOf(thread)
    }
    if (line === this.#own) return
    Atomics.add(this.#cells, line + WOKEN, 1)
    Atomics.notify(this.#cells, line + WOKEN)
  }

  #next(): number {
    // 0 is none, also after 2^32 turns.
    return (Atomics.add(this.#cells, LATEST, 1) + 1) | 0 || this.#next()
  }

  /** How often this thread was woken. To be read before it looks whether something is free. */
  get woken(): number {
    return Atomics.load(this.#cells, this.#own + WOKEN)
  }

  /** Resolves when this thread was woken more often than that; undefined if it was already. */
  untilWoken(woken: number): Promise<unknown> | undefined {
    const wait = (Atomics as AsyncAtomics).waitAsync(this.#cells, this.#own + WOKEN, woken)
    return wait.async ? wait.value : undefined
  }

  /** To be called when a thread has ended: nothing waits there any more, and what it was to take is for the others. */
  clearThread(thread: number): void {
    Atomics.store(this.#cells, lineOf(thread) + OLDEST, 0)
    this.wakeFirst()
  }
}

/** As of ES2024, which is younger than what is compiled for here; Node has it from 16 on. */
type AsyncAtomics = typeof Atomics & {
  waitAsync(
    cells: Int32Array,
    index: number,
    value: number
  ): { readonly async: false } | { readonly async: true; readonly value: Promise<unknown> }
}

const lineOf = (thread: number) => (1 + thread) * LINE_CELLS

/** Turns are compared as if they never wrapped: never have 2^31 been taken between two of those that wait. */
const isBefore = (a: number, b: number) => ((a - b) | 0) < 0
