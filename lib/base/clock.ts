/**
 * What the clock of this thread, `performance.now()`, is behind the one that all threads of a process have in common: each
 * thread's own begins when that starts.
 */
export const THREAD_ORIGIN_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now()
