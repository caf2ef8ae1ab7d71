/** Where something stands in a file that is converted. */
export interface Place {
  readonly file: string
  /** From 1. */
  readonly line: number
}

/** What a reader of the converted configuration has to know of a line of the original. */
export interface Finding {
  readonly at: Place
  /** `left out`: it does nothing any more. `differs`: it is there, but not quite the same. */
  readonly kind: 'left out' | 'differs'
  /** The line, or what of it is meant. */
  readonly what: string
  readonly why: string
}

/** A file that cannot be converted at all: it cannot be read, or its blocks do not fit together. */
export class ConvertError extends Error {
  constructor(message: string, at?: Place) {
    super(at ? `${at.file}:${at.line}: ${message}` : message)
    this.name = 'ConvertError'
  }
}

/** All findings of a conversion, each once. */
export class Findings {
  readonly #found = new Map<string, Finding>()

  leftOut(at: Place, what: string, why: string): void {
    this.#add({ at, kind: 'left out', what, why })
  }

  differs(at: Place, what: string, why: string): void {
    this.#add({ at, kind: 'differs', what, why })
  }

  /** In the order of the lines. */
  all(): Finding[] {
    return [...this.#found.values()].sort(
      (a, b) => a.at.file.localeCompare(b.at.file) || a.at.line - b.at.line
    )
  }

  #add(finding: Finding): void {
    const key = lineOf(finding)
    if (!this.#found.has(key)) this.#found.set(key, finding)
  }
}

/** A finding as a line of text. */
export function lineOf({ at, kind, what, why }: Finding): string {
  return `${at.file}:${at.line}: ${kind}: ${what.replace(/\s+/g, ' ')}: ${why}`
}
