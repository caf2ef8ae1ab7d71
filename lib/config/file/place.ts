import type { Faults } from './item.js'

/** Faults of a file, each with its place: `LB_CONFIG: routes[2].match must be … (lb.yml:12:5)`. */
export class FileFaults implements Faults {
  readonly #file: string
  readonly #text: string
  readonly #faults: { readonly at: number; readonly message: string }[] = []

  /** The only faults of places that have no others. */
  readonly #closed = new Map<number, string>()

  /** @param text content of the file */
  constructor(file: string, text: string) {
    this.#file = file
    this.#text = text
  }

  addAlone(at: number, message: string): void {
    this.add(at, message)
    this.#closed.set(at, message)
  }

  get count(): number {
    return this.#faults.length
  }

  add(at: number, message: string): void {
    const isTold = this.#faults.some((other) => other.at === at && other.message === message)
    if (!isTold) this.#faults.push({ at, message })
  }

  /** The faults in the order of the file, with line and column as compilers write them and terminals understand them. */
  lines(): string[] {
    const told = this.#faults.filter(({ at, message }) => (this.#closed.get(at) ?? message) === message)
    let line = 1
    let start = 0
    return told
      .sort((a, b) => a.at - b.at)
      .map(({ at, message }) => {
        for (let end = this.#text.indexOf('\n', start); end !== -1 && end < at; line++) {
          start = end + 1
          end = this.#text.indexOf('\n', start)
        }
        return `LB_CONFIG: ${message} (${this.#file}:${line}:${at - start + 1})`
      })
  }
}
