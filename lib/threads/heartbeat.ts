import type { SharedCells } from '../base/cells/shared-cells.js'

/** A cache line in cells: no two threads write to one. */
const LINE_CELLS = 16
const BEAT_MS = 250

/** By what the owner sees that the loops of the other threads run. */
export class Heartbeats {
  readonly #cells: Int32Array
  readonly #own: number

  constructor(shared: SharedCells) {
    this.#cells = shared.named('heartbeats', shared.threads.count * LINE_CELLS)
    this.#own = shared.threads.own * LINE_CELLS
  }

  /** Begins those of this thread. Returns what ends them. */
  begin(): () => void {
    const timer = setInterval(() => Atomics.add(this.#cells, this.#own, 1), BEAT_MS).unref()
    return () => clearInterval(timer)
  }

  /** How often that of a thread has beaten: often enough that it differs after a second, if its loop runs. */
  of(thread: number): number {
    return Atomics.load(this.#cells, thread * LINE_CELLS)
  }
}
