const AT_ONCE = 50
/** One that takes longer holds up no other. */
const PATIENCE_MS = 500

/** Timers, as far as a fake clock has to stand in for them. */
export interface Timers {
  readonly setTimeout: typeof setTimeout
  readonly clearTimeout: typeof clearTimeout
}

/**
 * Does something with each item, 50 at a time: the next one's turn is when one is done, or has taken half a second.
 * Resolves when all are done. Nothing rejects.
 */
export async function eachLimit<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  timers: Timers
): Promise<void> {
  const waiting = [...items].reverse()
  const begun: Promise<void>[] = []
  const takeTurns = async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
      const done = work(item)
      begun.push(done)
      if (waiting.length > 0) await endOf(done, timers)
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, takeTurns))
  await Promise.all(begun)
}

/** Resolves when the work is done, or has taken too long to be waited for. */
function endOf(work: Promise<void>, { setTimeout, clearTimeout }: Timers): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, PATIENCE_MS)
    timer.unref?.()
    void work.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
