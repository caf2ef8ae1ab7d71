/** The low cell of a total counts up to this; the high one counts the carries. */
const SPAN = 2 ** 30

/**
 * Adds a whole number from 0 to 2^53 to a total, which has two cells, the low one first, and one thread that writes it. Any
 * thread may read it meanwhile, and this one may end after any step: what the cells hold is always a number.
 */
export function addToTotal(cells: Int32Array, index: number, amount: number): void {
  const low = amount % SPAN
  if (amount !== low) Atomics.add(cells, index + 1, (amount - low) / SPAN)
  if (Atomics.add(cells, index, low) + low >= SPAN) settleTotal(cells, index)
}

/**
 * Carries from the low cell of a total to its high one, also for a writer that has ended before it did so. Meanwhile the
 * high one is negative: then it counts the carry as done if the low one has given it up already.
 */
export function settleTotal(cells: Int32Array, index: number): void {
  let high = Atomics.load(cells, index + 1)
  if (high >= 0) {
    if (Atomics.load(cells, index) < SPAN) return
    high = -(high + 1)
    Atomics.store(cells, index + 1, high)
  }
  if (Atomics.load(cells, index) >= SPAN) Atomics.sub(cells, index, SPAN)
  Atomics.store(cells, index + 1, -high)
}

/** The value of a total. */
export function totalOf(cells: Int32Array, index: number): number {
  for (;;) {
    const high = Atomics.load(cells, index + 1)
    const low = Atomics.load(cells, index)
    if (Atomics.load(cells, index + 1) !== high) continue
    if (high >= 0) return high * SPAN + low
    return (low >= SPAN ? -high - 1 : -high) * SPAN + low
  }
}
