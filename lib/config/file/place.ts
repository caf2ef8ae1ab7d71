import type { Faults } from './item.js'

/** Faults of a file, each with its place: `LB_CONFIG: routes[2].match must be … (lb.yml:12:5)`. */
export class FileFaults implements Faults {
  readonly #file: string
  readonly #text: string
  readonly #tell: (fault: string) => void

  /**
   * @param text content of the file
   * @param tell called with each fault
   */
  constructor(file: string, text: string, tell: (fault: string) => void) {
    this.#file = file
    this.#text = text
    this.#tell = tell
  }

  add(at: number, message: string): void {
    this.#tell(this.located(at, message))
  }

  /** A fault with the name of the file, line and column, as compilers write it and terminals understand it. */
  located(at: number, message: string): string {
    const before = this.#text.slice(0, at)
    const line = before.split('\n').length
    return `LB_CONFIG: ${message} (${this.#file}:${line}:${at - before.lastIndexOf('\n')})`
  }
}
