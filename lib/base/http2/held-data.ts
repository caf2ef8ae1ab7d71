import { borrowPage, PAGE_BYTES } from './outbox-pages.js'

interface Part {
  readonly memory: Buffer
  /** A page, which is to be given back. */
  readonly isPage: boolean
  at: number
  end: number
}

/** Data that waits to be sent: what was lent is copied into pages. */
export class HeldData {
  /** Bytes that wait. */
  bytes = 0
  readonly #parts: Part[] = []
  readonly #release: (page: Buffer) => void

  /** @param release called with each page whose bytes have been taken, which may still have to be written */
  constructor(release: (page: Buffer) => void) {
    this.#release = release
  }

  /**
   * Adds data.
   * @param isLent whether its memory lasts for the call only
   */
  add(data: Buffer, isLent: boolean): void {
    const { length } = data
    this.bytes += length
    if (!isLent) {
      this.#parts.push({ memory: data, isPage: false, at: 0, end: length })
      return
    }
    for (let from = 0; from < length; ) {
      const part = this.#roomyPart()
      const copied = data.copy(part.memory, part.end, from)
      part.end += copied
      from += copied
    }
  }

  /** Takes the first bytes, so many at most. */
  take(maxBytes: number): Buffer {
    const part = this.#parts[0]!
    const { memory, at } = part
    const to = Math.min(at + maxBytes, part.end)
    part.at = to
    this.bytes -= to - at
    if (to === part.end) {
      this.#parts.shift()
      if (part.isPage) this.#release(memory)
    }
    return memory.subarray(at, to)
  }

  /** Drops what waits. */
  clear(): void {
    this.bytes = 0
    for (const { memory, isPage } of this.#parts.splice(0)) if (isPage) this.#release(memory)
  }

  #roomyPart(): Part {
    const last = this.#parts.at(-1)
    if (last?.isPage && last.end < PAGE_BYTES) return last
    const part = { memory: borrowPage(), isPage: true, at: 0, end: 0 }
    this.#parts.push(part)
    return part
  }
}
