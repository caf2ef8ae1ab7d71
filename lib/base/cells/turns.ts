import type { Threads } from './rows.js'
import type { SharedCells } from './shared-cells.js'
import { untilChanged } from './until-changed.js'

/** A cache line in cells: no two threads write to one. */
const LINE_CELLS = 16
/** In the first line: the latest turn that was given out, and how often all threads were woken. */
const LATEST = 0
const CHANGES = 1
/** In the line of each thread: the turn of what has waited longest there, or 0. */
const OLDEST = 0
/** How often the thread was woken, and how often when it last began to serve what waits there. */
const WOKEN = 1
const SERVED = 2
/** Where it came to a stop then, or 0: what waits there from this turn on is still to be served. */
const STOPPED = 3
/** From one turn to the next: between them is one that nobody has. */
const STEP = 2

/** The name of the cells of turns, among those of their pool. */
export const TURNS = 'turns'

/** The cells that the turns of so many threads take. */
export const turnsCells = ({ count }: Threads) => (1 + count) * LINE_CELLS

/** Who serves what waits in a thread. */
export interface TurnServer {
  serve(): void
}

/** The turns of all threads that share the cells; undefined if there is one thread, which has its order by itself. */
export function turnsIn(cells: SharedCells): Turns | undefined {
  const { threads } = cells
  return threads.count > 1 ? new Turns(threads, cells.named(TURNS, turnsCells(threads))) : undefined
}

/**
 * Whose turn it is, where requests of several threads wait for slots: theirs that came first and can use what is free.
 *
 * Each thread makes known what has waited longest there, and serves its own in their order: up to the first that another
 * thread is to serve something before, or that finds no slot although any would do. What it has passed over waits for a
 * certain slot, and holds up nobody until the thread is woken again. Whoever has released a slot wakes the thread with the
 * first stop of all, and those that have passed over something before that; whoever has come further wakes the next.
 *
 * A thread announces what waits there before it looks for a slot, and one that releases a slot does so before it looks who
 * waits: so one of them sees the other. A thread may end after any step: what waits there is then cleared.
 */
export class Turns {
  readonly threads: Threads
  readonly #cells: Int32Array
  readonly #own: number
  readonly #end: number
  /** Of each thread, as they are looked through. */
  readonly #oldest: Int32Array
  #server: TurnServer | undefined

  /** @param cells of zeros at first, `turnsCells` of them */
  constructor(threads: Threads, cells: Int32Array) {
    this.threads = threads
    this.#cells = cells
    this.#own = lineOf(threads.own)
    this.#end = lineOf(threads.count)
    this.#oldest = new Int32Array(threads.count)
  }

  /** Whether nothing waits in any thread. */
  get isIdle(): boolean {
    for (let line = LINE_CELLS; line < this.#end; line += LINE_CELLS)
      if (Atomics.load(this.#cells, line + OLDEST) !== 0) return false
    return true
  }

  /** Whether what comes now has to wait: something that is still to be served came before. */
  get isBlocked(): boolean {
    for (let line = LINE_CELLS; line < this.#end; line += LINE_CELLS)
      if (this.#nextAt(line, Atomics.load(this.#cells, line + OLDEST)) !== 0) return true
    return false
  }

  /** The turn of what is to be served next in this thread; 0 if nothing is. */
  get next(): number {
    return this.#nextAt(this.#own, Atomics.load(this.#cells, this.#own + OLDEST))
  }

  /** A turn for what begins to wait, later than all that were taken before. If nothing is `next`, it is to be served now. */
  take(): number {
    const cells = this.#cells
    const oldest = Atomics.load(cells, this.#own + OLDEST)
    if (this.#nextAt(this.#own, oldest) !== 0) return this.#draw()
    const latest = Atomics.load(cells, LATEST)
    // Until it has a turn nobody is to take it for later than it will be.
    if (oldest === 0) this.announce(latest + 1)
    Atomics.add(cells, this.#own + WOKEN, 1)
    const turn = this.#draw()
    if (oldest !== 0) return turn
    this.announce(turn)
    // What has a turn between the two was taken for later.
    if (turn !== latest + STEP) this.wakeNext(0)
    return turn
  }

  /** Makes known the turn of what has waited longest in this thread; 0 for nothing. */
  announce(turn: number): void {
    Atomics.store(this.#cells, this.#own + OLDEST, turn)
  }

  /**
   * Whether others may have waited for something to be served that has left: it had this turn.
   * @param wasOldest whether that was known as the oldest, which it no longer is
   */
  wasAwaited(turn: number, wasOldest: boolean): boolean {
    const woken = Atomics.load(this.#cells, this.#own + WOKEN)
    if (woken !== Atomics.load(this.#cells, this.#own + SERVED)) return wasOldest
    return Atomics.load(this.#cells, this.#own + STOPPED) === turn
  }

  /** Whether no other thread has something to serve that came before this turn. */
  isNext(turn: number): boolean {
    for (let line = LINE_CELLS; line < this.#end; line += LINE_CELLS) {
      if (line === this.#own) continue
      const oldest = Atomics.load(this.#cells, line + OLDEST)
      if (oldest === 0 || !isBefore(oldest, turn)) continue
      const next = this.#nextAt(line, oldest)
      if (next !== 0 && isBefore(next, turn)) return false
    }
    return true
  }

  /** This thread begins to serve all that waits there. Returns what `settle` needs. */
  begin(): number {
    return Atomics.add(this.#cells, this.#own + WOKEN, 1) + 1
  }

  /** It has come to the end, 0, or to a stop at this turn. Returns where it had stopped before. */
  settle(begun: number, stopped: number): number {
    const before = Atomics.load(this.#cells, this.#own + STOPPED)
    Atomics.store(this.#cells, this.#own + STOPPED, stopped)
    Atomics.store(this.#cells, this.#own + SERVED, begun)
    return before
  }

  /**
   * A slot is free: wakes the threads in which something came before all that any thread has stopped at, and the one that
   * has stopped there; but not this one.
   */
  wake(): void {
    this.#wakeFrom(undefined)
  }

  /**
   * This thread no longer holds up others: wakes the one with what is to be served next, unless it is this one.
   * @param stopped where this one had stopped, or 0: who released something woke nobody for what came after that
   */
  wakeNext(stopped: number): void {
    this.#wakeFrom(stopped)
  }

  #wakeFrom(after: number | undefined): void {
    let next = 0
    let nextLine = 0
    let stop = 0
    for (let thread = 0, line = LINE_CELLS; line < this.#end; thread++, line += LINE_CELLS) {
      const oldest = Atomics.load(this.#cells, line + OLDEST)
      this.#oldest[thread] = oldest
      if (oldest === 0 || (stop !== 0 && isBefore(stop, oldest))) continue
      const at = this.#nextAt(line, oldest)
      if (at === 0) continue
      const stopped = Atomics.load(this.#cells, line + STOPPED)
      if (stopped !== 0 && (stop === 0 || isBefore(stopped, stop))) stop = stopped
      if (next !== 0 && !isBefore(at, next)) continue
      next = at
      nextLine = line
    }
    for (let thread = 0, line = LINE_CELLS; line < this.#end; thread++, line += LINE_CELLS) {
      if (line === this.#own) continue
      const oldest = this.#oldest[thread]!
      const isEarly = oldest !== 0 && (stop === 0 || !isBefore(stop, oldest))
      if (line === nextLine || (isEarly && (after === undefined || (after !== 0 && isBefore(after, oldest)))))
        this.#wakeLine(line)
    }
  }

  /** Wakes all other threads: something has changed that may be of use to any. */
  wakeAll(): void {
    Atomics.add(this.#cells, CHANGES, 1)
    for (let line = LINE_CELLS; line < this.#end; line += LINE_CELLS)
      if (line !== this.#own) this.#wakeLine(line)
  }

  /** How often something has changed. */
  get changes(): number {
    return Atomics.load(this.#cells, CHANGES)
  }

  /** Resolves when this thread was woken since it last settled; undefined if it was already. */
  untilWoken(): Promise<unknown> | undefined {
    const served = Atomics.load(this.#cells, this.#own + SERVED)
    return untilChanged(this.#cells, this.#own + WOKEN, served)
  }

  /** Who serves what waits in this thread. */
  get server(): TurnServer | undefined {
    return this.#server
  }

  /** Somebody else does, with whom nothing waits yet; or nobody. */
  serveBy(server: TurnServer | undefined): void {
    this.#server = server
    this.clearThread(this.threads.own)
  }

  /**
   * To be called when a thread has ended, after its slots were given back: nothing waits there any more, and what it was
   * to take is for the others.
   */
  clearThread(thread: number): void {
    Atomics.store(this.#cells, lineOf(thread) + OLDEST, 0)
    Atomics.store(this.#cells, lineOf(thread) + STOPPED, 0)
    this.wake()
    this.#wakeLine(this.#own)
  }

  #draw(): number {
    // 0 is none, also after 2^31 turns.
    return (Atomics.add(this.#cells, LATEST, STEP) + STEP) | 0 || this.#draw()
  }

  /** The turn of what a thread is to serve next: all that waits there once it was woken, or what it has stopped at. */
  #nextAt(line: number, oldest: number): number {
    if (oldest === 0) return 0
    const woken = Atomics.load(this.#cells, line + WOKEN)
    if (woken !== Atomics.load(this.#cells, line + SERVED)) return oldest
    return Atomics.load(this.#cells, line + STOPPED)
  }

  #wakeLine(line: number): void {
    Atomics.add(this.#cells, line + WOKEN, 1)
    Atomics.notify(this.#cells, line + WOKEN)
  }
}

const lineOf = (thread: number) => (1 + thread) * LINE_CELLS

/** Turns are compared as if they never wrapped: never have 2^30 been taken between two of those that wait. */
const isBefore = (a: number, b: number) => ((a - b) | 0) < 0
