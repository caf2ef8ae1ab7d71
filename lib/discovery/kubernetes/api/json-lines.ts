import { ApiError } from './api-error.js'

const LINE_FEED = 0x0a

/** Lines of a stream, in whatever pieces it comes. */
export class Lines {
  readonly #maxBytes: number
  #pending: Buffer[] = []
  #size = 0

  /** @param maxBytes of a line */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Whether a line has begun. */
  get isWithin(): boolean {
    return this.#size > 0
  }

  /**
   * The lines that end in this piece, without those that are empty.
   * @throws {ApiError} if one is too long
   */
  *push(chunk: Buffer): Generator<string> {
    let from = 0
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      this.#add(chunk.subarray(from, at))
      const line = Buffer.concat(this.#pending).toString().trim()
      this.#pending = []
      this.#size = 0
      from = at + 1
      if (line !== '') yield line
    }
    this.#add(chunk.subarray(from))
  }

  #add(part: Buffer): void {
    if (part.length === 0) return
    this.#size += part.length
    if (this.#size > this.#maxBytes)
      throw new ApiError(`sent an event of more than ${this.#maxBytes} bytes`, 0)
    this.#pending.push(part)
  }
}
