import { closeSync, openSync, readSync } from 'node:fs'

/** The limits of this process, on Linux. */
const FILE = '/proc/self/limits'
const SOFT_LIMIT = /^Max open files +(\d+)/m
const AMPLE_BYTES = 4096
/** Descriptors that client connections may not use, or a quarter of all if that is less. */
const MAX_RESERVE = 64
const RESERVE_SHARE = 1 / 4

/** The limit of open file descriptors of this process (`RLIMIT_NOFILE`). It is known on Linux alone. */
export class DescriptorLimit {
  /** The soft limit; undefined if there is none, or it is unknown. */
  value: number | undefined
  readonly #memory = Buffer.alloc(AMPLE_BYTES)
  /** Kept open, so that it can be read when no file can be opened. */
  #fd = -1

  constructor(file = FILE) {
    try {
      this.#fd = openSync(file, 'r')
      this.read()
    } catch {
      // There is no such file on other systems.
    }
  }

  /** Reads the limit again: it can be changed while the process runs. */
  read(): void {
    if (this.#fd < 0) return
    const length = readSync(this.#fd, this.#memory, 0, AMPLE_BYTES, 0)
    const [, soft] = SOFT_LIMIT.exec(this.#memory.toString('latin1', 0, length)) ?? []
    this.value = soft === undefined ? undefined : Number(soft)
  }

  /**
   * Whether a new descriptor is in the reserve for connections to backends, checks and files. The system always assigns
   * the lowest free number, so about that many are in use.
   */
  isReserved(descriptor: number): boolean {
    const limit = this.value
    if (limit === undefined) return false
    return descriptor >= limit - Math.min(MAX_RESERVE, Math.floor(limit * RESERVE_SHARE))
  }

  /** Closes the file of the limits. */
  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
  }
}
