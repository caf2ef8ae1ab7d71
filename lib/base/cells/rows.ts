/** The threads that share cells. */
export interface Threads {
  readonly count: number
  /** Which of them this one is, from 0. */
  readonly own: number
}

export const ONE_THREAD: Threads = { count: 1, own: 0 }

/** Cells at the start of a row that all threads share: a cache line, since they are read far more often than written. */
export const SHARED_CELLS = 16

/** Cells of each thread in a row: whole cache lines, so that no two threads write to one. */
export const THREAD_CELLS = 48

/** The cells of a row. */
export function rowCells({ count }: Threads): number {
  return SHARED_CELLS + count * THREAD_CELLS
}

/** Cells of zeros, in shared memory if there are threads to share them. They are freed when no thread has them any more. */
export function createCells(length: number, threads: Threads): Int32Array {
  const bytes = length * Int32Array.BYTES_PER_ELEMENT
  return new Int32Array(threads.count > 1 ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
}
