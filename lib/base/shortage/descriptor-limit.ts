import { closeSync, openSync, readSync } from 'node:fs'

/** Where Linux tells the limits of a process. */
const FILE = '/proc/self/limits'
const SOFT_LIMIT = /^Max open files +(\d+)/m
const AMPLE_BYTES = 4096
/** Kept for what is no client's connection, or a quarter of all if that is less. */
const MAX_RESERVE = 64
const RESERVE_SHARE = 1 / 4

/** How many file descriptors this process may have open, on Linux; elsewhere that is not known. */
export class DescriptorLimit {
  /** Undefined if there is none, or it is not known. */
  value: number | undefined
  readonly #memory = Buffer.alloc(AMPLE_BYTES)
  /** Open all the time, so that it can be read when nothing can be opened. */
  #fd = -1

  constructor(file = FILE) {
    try {
      this.#fd = openSync(file, 'r')
      this.read()
    } catch {
      // There is no such file on other systems.
    }
  }

  /** Reads it anew, as it can be changed while the process runs. */
  read(): void {
    if (this.#fd < 0) return
    const length = readSync(this.#fd, this.#memory, 0, AMPLE_BYTES, 0)
    const [, soft] = SOFT_LIMIT.exec(this.#memory.toString('latin1', 0, length)) ?? []
    this.value = soft === undefined ? undefined : Number(soft)
  }

  /**
   * Whether a descriptor that was just given out is among the last, which are kept for connections to backends, checks
   * and files. The system gives out the lowest that is free, so as many as its number says are in use.
   */
  isReserved(descriptor: number): boolean {
    const limit = this.value
    if (limit === undefined) return false
    return descriptor >= limit - Math.min(MAX_RESERVE, Math.floor(limit * RESERVE_SHARE))
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
  }
}
