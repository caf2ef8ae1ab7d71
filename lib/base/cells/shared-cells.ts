import type { CellDirectory } from './directory.js'
import { createCells, ONE_THREAD, type Threads } from './rows.js'

/** Where a part of the balancer gets its cells: those of one thread are its own, those of several have names. */
export class SharedCells {
  readonly threads: Threads
  /** What all of its names begin with; empty for those of the whole. */
  readonly name: string
  readonly #directory: CellDirectory | undefined

  /** @param directory needed where there are several threads */
  constructor(threads = ONE_THREAD, directory?: CellDirectory, name = '') {
    this.threads = threads
    this.#directory = directory
    this.name = name
  }

  /** Whether this thread decides what all follow. */
  get isOwner(): boolean {
    return this.threads.own === 0
  }

  /** The cells with a name, of zeros at first. */
  named(name: string, length: number): Int32Array {
    const create = () => createCells(length, this.threads)
    return this.#directory ? this.#directory.named(this.#below(name), create) : create()
  }

  /** Those of a part. */
  within(name: string): SharedCells {
    return this.#directory ? new SharedCells(this.threads, this.#directory, this.#below(name)) : this
  }

  /**
   * To be called when cells are used no more; the memory is freed when no thread has it any longer.
   * @param name of some of them; all if absent
   */
  forget(name?: string): void {
    this.#directory?.forget(name === undefined ? this.name : this.#below(name))
  }

  #below(name: string): string {
    return this.name === '' ? name : `${this.name}/${name}`
  }
}

/** The cells of a balancer with one thread. */
export const OWN_CELLS = new SharedCells()
