import { setImmediate } from 'node:timers/promises'
import type { Counters } from '../../base/cells/counters.js'
import type { TurnServer, Turns } from '../../base/cells/turns.js'
import type { PoolBlock } from '../../pool/cell-block.js'
import { type Queued, type QueueOptions, WaitingQueue } from './waiting-queue.js'

/**
 * The requests of one thread among those of several, which are one queue: those that any backend would do for are served in
 * the order in which they came, over all threads. Another thread wakes this one when it is its turn.
 */
export class SharedWaitingQueue extends WaitingQueue implements TurnServer {
  readonly #turns: Turns
  readonly #onChange: () => void
  /** In their order, as in the queue. */
  readonly #turnOf = new Map<Queued, number>()
  /** The latest that was tried. */
  #tried = 0
  #isServing = false
  #isToServeAgain = false
  #changes: number

  /** @param onChange called when another thread has changed what concerns more than the next in line */
  constructor(counters: Counters, options: QueueOptions, turns: Turns, onChange: () => void) {
    super(counters, options)
    this.#turns = turns
    this.#onChange = onChange
    this.#changes = turns.changes
  }

  /** Takes over from the one that the thread had until now, and is woken from now on. */
  start(): void {
    this.#turns.serveBy(this)
    void this.#listen()
  }

  /** Another one has taken over: what is left here is served beside that. */
  get #isReplaced(): boolean {
    const { server } = this.#turns
    return server !== undefined && server !== this
  }

  override get isEmpty(): boolean {
    return super.isEmpty && this.#turns.isIdle
  }

  override get isBlocked(): boolean {
    return this.#isReplaced ? super.isBlocked : this.#turns.isBlocked
  }

  override add(queued: Queued, nowMs: number, hasPlace = false): boolean {
    if (!super.add(queued, nowMs, hasPlace)) return false
    if (this.#isReplaced) return true
    const isBehind = this.#turns.next !== 0
    this.#turnOf.set(queued, this.#turns.take())
    // A slot may have become free since it found none, and nobody knew yet that it waits.
    if (!isBehind) this.#serveOwn()
    return true
  }

  override remove(queued: Queued): boolean {
    if (!super.remove(queued)) return false
    const turn = this.#turnOf.get(queued)
    if (turn === undefined) return true
    const isFirst = turn === this.#firstTurn
    this.#turnOf.delete(queued)
    if (this.#isReplaced) return true
    if (isFirst) this.#turns.announce(this.#firstTurn)
    if (!this.#isServing && this.#turns.wasAwaited(turn, isFirst)) {
      this.#serveOwn()
      this.#turns.wake()
    }
    return true
  }

  override serve(): void {
    if (this.#isReplaced) {
      super.serve()
      this.#turns.server?.serve()
      return
    }
    this.#turns.wake()
    if (!super.isEmpty) this.#serveOwn()
  }

  override serveAll(): void {
    if (!this.#isReplaced && this.#turns.threads.own === 0) this.#turns.wakeAll()
    this.serve()
  }

  override tick(nowMs: number): void {
    super.tick(nowMs)
    if (this.#isReplaced) super.serve()
    else if (!super.isEmpty) this.#serveOwn()
  }

  override stop(): void {
    if (this.#turns.server === this) this.#turns.serveBy(undefined)
  }

  /** To be called when this thread was woken. */
  onWoken(): void {
    this.#serveOwn()
    const { changes } = this.#turns
    if (changes === this.#changes) return
    this.#changes = changes
    this.#onChange()
  }

  async #listen(): Promise<void> {
    while (this.#turns.server === this) {
      // Others may wake it again and again: its connections have their turn too.
      await (this.#turns.untilWoken() ?? setImmediate())
      if (this.#turns.server === this) this.onWoken()
    }
  }

  /** The turn of the first in this thread, or 0. */
  get #firstTurn(): number {
    return this.#turnOf.values().next().value ?? 0
  }

  #serveOwn(): void {
    this.#isToServeAgain = true
    if (this.#isServing) return
    this.#isServing = true
    try {
      while (this.#isToServeAgain) {
        this.#isToServeAgain = false
        this.#serveOnce()
      }
    } finally {
      this.#isServing = false
    }
  }

  #serveOnce(): void {
    const begun = this.#turns.begin()
    this.#tried = 0
    const stoppedAt = this.serveWhile(this.#mayTry)
    const stopped = (stoppedAt && this.#turnOf.get(stoppedAt)) ?? 0
    const before = this.#turns.settle(begun, stopped)
    // Where one that any backend would do for finds no slot, there is none for others.
    if (this.#tried !== 0 && this.#tried !== stopped) this.#turns.wakeNext(before)
  }

  readonly #mayTry = (queued: Queued): boolean => {
    const turn = this.#turnOf.get(queued)!
    if (!this.#turns.isNext(turn)) return false
    this.#tried = turn
    return true
  }
}

/** The queue of a pool in this thread. */
export function waitingQueueOf(
  { counters, turns }: PoolBlock,
  options: QueueOptions,
  onChange: () => void
): WaitingQueue {
  if (!turns) return new WaitingQueue(counters, options)
  const queue = new SharedWaitingQueue(counters, options, turns, onChange)
  queue.start()
  return queue
}
