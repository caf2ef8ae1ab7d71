import type { Faults } from './item.js'

interface Fault {
  readonly at: number
  readonly message: string
}

/** Faults that are told together, in the order of their places. */
export class OrderedFaults implements Faults {
  readonly #faults: Fault[] = []
  /** The only faults of places that have no others. */
  readonly #closed = new Map<number, string>()

  get count(): number {
    return this.#faults.length
  }

  add(at: number, message: string): void {
    const isTold = this.#faults.some((other) => other.at === at && other.message === message)
    if (!isTold) this.#faults.push({ at, message })
  }

  addAlone(at: number, message: string): void {
    this.add(at, message)
    this.#closed.set(at, message)
  }

  /** The faults, a line each. */
  lines(): string[] {
    return this.inOrder().map(({ message }) => message)
  }

  protected inOrder(): readonly Fault[] {
    const told = this.#faults.filter(({ at, message }) => (this.#closed.get(at) ?? message) === message)
    return told.sort((a, b) => a.at - b.at)
  }
}

/** Faults of a file, each with its place: `LB_CONFIG: routes[2].match must be … (lb.yml:12:5)`. */
export class FileFaults extends OrderedFaults {
  readonly #file: string
  readonly #text: string

  /** @param text content of the file */
  constructor(file: string, text: string) {
    super()
    this.#file = file
    this.#text = text
  }

  /** With line and column, as compilers write them and terminals understand them. */
  override lines(): string[] {
    let line = 1
    let start = 0
    return this.inOrder().map(({ at, message }) => {
      for (let end = this.#text.indexOf('\n', start); end !== -1 && end < at; line++) {
        start = end + 1
        end = this.#text.indexOf('\n', start)
      }
      return `LB_CONFIG: ${message} (${this.#file}:${line}:${at - start + 1})`
    })
  }
}
