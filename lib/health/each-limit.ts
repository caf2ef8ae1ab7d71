const LIMIT = 50
/** After this time an item no longer counts towards the limit. */
const MAX_WAIT_MS = 500

/** The timers that a fake clock can replace. */
export interface Timers {
  readonly setTimeout: typeof setTimeout
  readonly clearTimeout: typeof clearTimeout
}

/**
 * Calls `work` for each item, 50 at a time: the next item starts when one is done or has taken half a second. Resolves
 * when all are done.
 * @param work never rejects
 */
export async function eachLimit<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  timers: Timers
): Promise<void> {
  const waiting = [...items].reverse()
  const begun: Promise<void>[] = []
  const worker = async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
      const done = work(item)
      begun.push(done)
      if (waiting.length > 0) await endOrTimeout(done, timers)
    }
  }
  await Promise.all(Array.from({ length: Math.min(LIMIT, items.length) }, worker))
  await Promise.all(begun)
}

/** Resolves when the work is done, or has taken too long to wait for it. */
function endOrTimeout(work: Promise<void>, { setTimeout, clearTimeout }: Timers): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, MAX_WAIT_MS)
    timer.unref?.()
    void work.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
