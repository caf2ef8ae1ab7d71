/** How often the clocks are compared. */
const SAMPLES = 5

/**
 * What the clock of this thread, `performance.now()`, is behind the one that all threads of a process have in common: each
 * thread's own begins when that starts. A thread that is held up between the two finds less: so the largest is right.
 */
export const THREAD_ORIGIN_MS = Math.max(
  ...Array.from({ length: SAMPLES }, () => Number(process.hrtime.bigint()) / 1e6 - performance.now())
)
