import type { Socket } from 'node:net'
import { LentWriter } from '../sockets/lent-writer.js'
import { borrowPage, MAX_COPIED_BYTES, PAGE_BYTES, returnPage } from './outbox-pages.js'

/** The system takes no more parts in one call. */
const MAX_PARTS = 256

/**
 * What a connection has to send: frames of one turn of the event loop go in one write. Small ones are copied into shared
 * pages, large ones are written from where they lie.
 */
export class Outbox {
  readonly #socket: Socket
  readonly #onFlushed: () => void
  #parts: Buffer[] = []
  #pages: Buffer[] = []
  #page: Buffer | undefined
  /** Of the page, what is not a part yet. */
  #from = 0
  #to = 0
  #bytes = 0
  #isScheduled = false
  #isStopped = false
  /** How often it has written. */
  flushes = 0

  /** @param onFlushed called after each write, when the system has taken all of it */
  constructor(socket: Socket, onFlushed: () => void) {
    this.#socket = socket
    this.#onFlushed = onFlushed
  }

  /** Bytes that wait here or in the socket. */
  get unsentBytes(): number {
    return this.#bytes + this.#socket.writableLength
  }

  /**
   * Memory to write a small frame into, and where; the position goes on by `bytes`.
   * @param bytes at most `PAGE_BYTES`
   */
  reserve(bytes: number): { readonly memory: Buffer; readonly at: number } {
    if (!this.#page || this.#to + bytes > PAGE_BYTES) this.#turnPage()
    this.#schedule()
    const at = this.#to
    this.#to += bytes
    this.#bytes += bytes
    place.memory = this.#page!
    place.at = at
    return place
  }

  /** Adds bytes, which must not change until they are written: `flush` does that at once. */
  add(part: Buffer): void {
    const { length } = part
    if (length <= MAX_COPIED_BYTES) {
      const { memory, at } = this.reserve(length)
      part.copy(memory, at)
      return
    }
    this.#schedule()
    this.#closePart()
    this.#parts.push(part)
    this.#bytes += length
    if (this.#parts.length >= MAX_PARTS) this.flush()
  }

  /** Gives back a page once all of what there is has been written. */
  release(page: Buffer): void {
    this.#pages.push(page)
  }

  /** Writes what there is. */
  readonly flush = (): void => {
    this.#isScheduled = false
    if (this.#bytes === 0) return
    this.#closePart()
    const parts = this.#parts
    const pages = this.#pages
    if (this.#page) pages.push(this.#page)
    this.#parts = []
    this.#pages = []
    this.#page = undefined
    this.#bytes = 0
    this.flushes++
    if (!this.#isStopped && !this.#socket.destroyed) LentWriter.of(this.#socket).write(parts, this.#onWritten)
    for (const page of pages) returnPage(page)
  }

  /** Drops everything from now on: the socket cannot be written to. */
  stop(): void {
    this.#isStopped = true
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.flush)
  }

  #closePart(): void {
    if (this.#page && this.#to > this.#from) this.#parts.push(this.#page.subarray(this.#from, this.#to))
    this.#from = this.#to
  }

  #turnPage(): void {
    this.#closePart()
    if (this.#page) this.#pages.push(this.#page)
    this.#page = borrowPage()
    this.#from = this.#to = 0
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (!error) this.#onFlushed()
  }
}

/** The result of `reserve`, the same for each. */
const place: { memory: Buffer; at: number } = { memory: Buffer.alloc(0), at: 0 }
