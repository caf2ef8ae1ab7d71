import { THREAD_CELLS } from './rows.js'

/** How often a thread tries while others step back in the same moments as it does. */
const TRIES = 100

/** The sum of a gauge over all threads. @param first the cell of the first thread */
export function sumOf(cells: Int32Array, first: number, threads: number): number {
  let sum = 0
  for (let i = 0, index = first; i < threads; i++, index += THREAD_CELLS) sum += Atomics.load(cells, index)
  return sum
}

/**
 * Counts a slot in a thread's own cell unless all threads together would have more than `limit`. Returns whether it did.
 *
 * Each thread adds first and sums then: of those that hold a slot at any time, the one that was the last to add has seen
 * all others. Threads that add at once may all find too many. Each then steps back and looks again: the last to do so sees
 * what is free, unless it is taken. There is nothing to agree with the cells, so a thread may end after any step.
 *
 * @param own the cell of this thread
 * @param first the cell of the first thread
 */
export function acquireSlot(
  cells: Int32Array,
  own: number,
  first: number,
  threads: number,
  limit: number,
  tries = TRIES
): boolean {
  for (let left = tries; left > 0; left--) {
    Atomics.add(cells, own, 1)
    if (sumOf(cells, first, threads) <= limit) return true
    Atomics.sub(cells, own, 1)
    if (sumOf(cells, first, threads) >= limit) return false
  }
  return false
}
