/** Fields of a head, the first ones. */
const MAX_PLACES = 64
/** A longer value is not likely to come again. */
const MAX_VALUE_LENGTH = 256

/**
 * The lines of the fields that were read last, by their place in the head. A client sends most of them again with each
 * request, in the same order: to compare them costs a third of what it costs to read them. It holds 40 KB at most.
 */
export class RecentLines {
  readonly #names: string[] = Array(MAX_PLACES).fill('')
  readonly #values: string[] = Array(MAX_PLACES).fill('')
  readonly #lines: string[] = Array(MAX_PLACES).fill('')

  /** The line of a field if it stood last in the same place; empty if another did. */
  lineOf(place: number, name: string, value: string): string {
    return place < MAX_PLACES && this.#values[place] === value && this.#names[place] === name
      ? this.#lines[place]!
      : ''
  }

  /** Makes the line of a field, with its CRLF, and keeps it. */
  add(place: number, name: string, value: string): string {
    const line = `${name}: ${value}\r\n`
    if (place < MAX_PLACES && value.length <= MAX_VALUE_LENGTH && name.length <= MAX_VALUE_LENGTH) {
      this.#names[place] = name
      this.#values[place] = value
      this.#lines[place] = line
    }
    return line
  }
}
