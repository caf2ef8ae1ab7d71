import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** A file that has the number of the process that serves. */
export class PidFile {
  readonly #path: string

  constructor(file: string) {
    this.#path = file
  }

  /**
   * Writes that it is this process. A reader finds either this number or the one before.
   * @throws if the file cannot be written
   */
  write(): void {
    const temporary = `${this.#path}.${process.pid}`
    try {
      writeFileSync(temporary, `${process.pid}\n`)
      renameSync(temporary, this.#path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
  }

  /** Removes the file, unless another process has taken over and written its own number. */
  remove(): void {
    try {
      if (Number(readFileSync(this.#path, 'utf8')) === process.pid) rmSync(this.#path)
    } catch {
      // Somebody else has removed it.
    }
  }
}
